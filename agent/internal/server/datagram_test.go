package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

// number is the sv_logsecret in the server.cfg that a game was started with; "" when there is none.
func number(t *testing.T, r *rig.Rig, s server.Server) string {
	t.Helper()
	plan, _ := r.World.Plan(s.ID)
	data, err := os.ReadFile(filepath.Join(plan.Tree, "left4dead2/cfg/server.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "sv_logsecret ")
	if !ok {
		return ""
	}
	secret, _, _ := strings.Cut(rest, "\n")
	if !strings.Contains(rest, "logaddress_add 192.0.2.7:28000\n") {
		t.Errorf("the game is not told where to send:\n%s", rest)
	}
	return secret
}

func TestLogByDatagram(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	r.Servers.LogAddress = "192.0.2.7:28000"
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	secret := number(t, r, s)
	if secret == "" {
		t.Fatal("the game got no sv_logsecret")
	}
	line := stamp + `"Ellis<3><STEAM_1:1:11101><>" say "`
	for _, datagram := range []string{
		"\xff\xff\xff\xffS" + secret + line + "by datagram\"\n\x00",
		"\xff\xff\xff\xffS123" + line + "a stranger\"\n\x00", // another number
		"\xff\xff\xff\xffR" + line + "without a number\"\n\x00",
		"nonsense", "",
	} {
		if err := r.Servers.TakeLog(ctx, []byte(datagram)); err != nil {
			t.Errorf("%q: %v", datagram, err)
		}
	}
	r.World.Print(s.ID, line+`the same by the console"`) // must not count twice
	r.World.Print(s.ID, "MasterRequestRestart")
	got := told(t, r, 2)
	if len(got) != 2 || got[0].Text != "by datagram" || got[1].Kind != server.GameOutdated {
		t.Errorf("history = %+v", got)
	}
}

func TestWithoutAnAddressNothingIsSent(t *testing.T) {
	r, s := playing(t)
	if secret := number(t, r, s); secret != "" {
		t.Errorf("sv_logsecret %s", secret)
	}
	if err := r.Servers.TakeLog(context.Background(), fmt.Appendf(nil, "\xff\xff\xff\xffR%sx", stamp)); err != nil {
		t.Error(err)
	}
}
