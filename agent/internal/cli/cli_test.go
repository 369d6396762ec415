package cli_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/cli"
	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/demo"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

var update = flag.Bool("update", false, "write the expected files of the scripts anew")

// TestMain makes the test binary the program itself: scripts run it as left4me.
func TestMain(m *testing.M) {
	if as := os.Getenv("AS_PLUGIN"); as != "" {
		servePlugin(as)
		return
	}
	testscript.Main(m, map[string]func(){"left4me": func() {
		os.Exit(cli.Main(context.Background(), cli.Program{
			Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "1.2.3",
			Agent: runAgent, Demo: runDemo, DemoInside: runDemo,
		}))
	}})
}

// servePlugin makes the test binary a plugin: a good one, or one whose builds leave nothing.
func servePlugin(as string) {
	plugin := sdktest.NewMemBuilder("mem")
	if as == "empty" {
		plugin.Builder = emptied{plugin.Builder}
	}
	sdk.Serve(plugin)
}

type emptied struct{ builder.Builder }

// Build leaves nothing.
func (e emptied) Build(ctx context.Context, r builder.Request, events builder.Events) (builder.Result, error) {
	r.Settings = []byte("{}")
	return e.Builder.Build(ctx, r, events)
}

// runAgent stands for the agent, which has its own tests: it says what it was given and runs until the end.
func runAgent(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	if cfg.Name == "broken" {
		return fault.New(fault.Precondition, "The state directory is locked by another agent.").WithHint("End it first.")
	}
	log.Info("serving", "name", cfg.Name)
	fmt.Println("serving")
	if err := os.WriteFile(os.Getenv("READY"), []byte("serving"), 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	log.Info("ended")
	return nil
}

func runDemo(_ context.Context, options demo.Options, stdout, _ io.Writer) error {
	fmt.Fprintf(stdout, "%+v\n", options)
	if options.State == "failing" {
		return &demo.Exit{Code: 9}
	}
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			agent := agenttest.New(env.T().(testing.TB)) // testscript's own wrapper embeds *testing.T
			env.Values["agent"] = agent
			env.Setenv("LEFT4ME_SOCKET", agent.Socket)
			env.Setenv("URL", agent.URL)
			env.Setenv("TZ", "UTC")
			self, err := os.Executable()
			if err != nil {
				return err
			}
			env.Setenv("PLUGIN", self)
			sdk, err := filepath.Abs("../../../sdk")
			if err != nil {
				return err
			}
			env.Setenv("SDK", sdk)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each of 200 processes sleeps a second at its end
			return os.WriteFile(env.WorkDir+"/token", []byte(agenttest.Token+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "agent": steer, "save": save,
		},
	})
}

// exits runs the program and checks its exit status: exits STATUS ARGUMENT…
func exits(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 1 {
		ts.Fatalf("usage: exits STATUS ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("left4me", args[1:]...)
	got := 0
	if failed, ok := err.(*exec.ExitError); ok {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
	}
}

// save puts the last line of the standard output into a variable: save NAME
func save(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	ts.Setenv(args[0], lines[len(lines)-1])
}

// steer makes the agent in memory do something.
func steer(ts *testscript.TestScript, _ bool, args []string) {
	agent := ts.Value("agent").(*agenttest.Agent)
	switch args[0] {
	case "print":
		text, err := strconv.Unquote(`"` + args[2] + `"`)
		ts.Check(err)
		agent.Print(args[1], text)
	case "crash":
		agent.Crash(args[1], args[2])
	case "stop":
		agent.Stop()
	case "start":
		agent.Start()
	case "fail": // fail KIND CODE MESSAGE HINT
		agent.Script(args[1], func(_ context.Context, run *agenttest.Run) error {
			run.Log("stderr", "it does not work")
			return agenttest.Failure(args[2], args[3], args[4])
		})
	case "hang": // hang KIND
		agent.Script(args[1], func(ctx context.Context, run *agenttest.Run) error {
			run.Log("info", "it takes long")
			<-ctx.Done()
			return ctx.Err()
		})
	case "normal":
		agent.Script(args[1], nil)
	case "players":
		agent.SetPlayers(args[1], api.Player{UserID: 7, Name: "Ellis\x1b[31m", SteamID: "76561197960265729", Connected: 3725, Ping: 30, State: "active"},
			api.Player{UserID: 8, Name: "Zoey", Bot: true})
	case "content": // content OVERLAY
		agent.SetContent(args[1], demoContent())
	case "answer": // answer METHOD PATH STATUS CODE MESSAGE
		status, err := strconv.Atoi(args[3])
		ts.Check(err)
		agent.Answer(args[1], args[2], status, api.Error{Code: args[4], Message: args[5], Hint: "Look for r1 in the agent's log.", Reference: "r1"})
	case "answer-normally":
		agent.AnswerNormally()
	case "await-text": // await-text FILE TEXT
		awaitText(ts, ts.MkAbs(args[1]), args[2])
	case "await-requests": // await-requests TEXT
		agent.WaitFor(args[1], func() bool { return strings.Contains(strings.Join(agent.Requests(), "\n"), args[1]) })
	case "record":
		agent.Record("test.done", "test", "alice", args[1])
	default:
		ts.Fatalf("agent %q", args)
	}
}

// demoContent is two add-ons that hold the same map.
func demoContent() agenttest.Content {
	campaign := api.Campaign{File: "1.vpk", Name: "harbour", Title: "Harbour Lights", Modes: []api.CampaignMode{
		{Name: "coop", Chapters: []api.Chapter{{Number: 1, Map: "harbour_m1", Title: "Docks"}}}}}
	return agenttest.Content{
		Campaigns: []api.Campaign{campaign},
		Packs:     []api.Addon{{File: "1.vpk", Maps: []string{"harbour_m1"}}, {File: "2.vpk", Maps: []string{"Harbour_m1"}, Problems: []string{"Odd."}}},
		Items:     []api.Item{{ID: "1", Title: "Harbour Lights", Version: "v1", Bytes: 1 << 20}, {ID: "2", Problem: "is private", Absent: true}},
	}
}

// awaitText returns when a file, which another process writes, holds text.
func awaitText(ts *testscript.TestScript, path, text string) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), text) {
			return
		}
	}
	ts.Fatalf("%s never holds %q", path, text)
}
