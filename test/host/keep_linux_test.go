package host_test

import (
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

const (
	signIn = "curl -sS -i -c /root/jar -b /root/jar http://127.0.0.1:27080"
	webEnv = "/etc/left4me/web.env"
)

func setPanelOptions(t *testing.T, h *hostrig.Host, options string) {
	t.Helper()
	h.Output(t, "sh", "-c", `sed -i 's/^LEFT4ME_WEB_OPTIONS=.*/LEFT4ME_WEB_OPTIONS="`+options+`"/' `+webEnv+`; systemctl restart left4me-web`)
	await(t, "the panel answers", func() (bool, string) {
		said, code := try(t, h, "curl", "-sS", "-o", "/dev/null", "http://127.0.0.1:27080/")
		return code == 0, said
	})
}

// setUp makes the first account, as a browser sends the form, and returns the answer's head.
func setUp(t *testing.T, h *hostrig.Host) string {
	t.Helper()
	link := h.Output(t, "left4me-web", "setup-link")
	_, token, _ := strings.Cut(link, "token=")
	said := h.Output(t, "sh", "-c", signIn+"/setup -H 'Sec-Fetch-Site: same-origin' -H 'Origin: http://127.0.0.1:27080' --data-urlencode token="+token+
		" -d name=operator --data-urlencode 'password=correct horse battery' --data-urlencode 'repeat=correct horse battery'")
	head, _, _ := strings.Cut(said, "\r\n\r\n")
	return head
}

// testCookie: Secure unless somebody asks for the opposite (S3), and a redeploy keeps people signed in (S16).
func testCookie(t *testing.T, h *hostrig.Host) {
	if head := setUp(t, h); !strings.Contains(head, "Set-Cookie: __Host-") || !strings.Contains(head, "; Secure") {
		t.Fatalf("the cookie of a default installation:\n%s", head)
	}
	h.Output(t, "sh", "-c", "rm -f /root/jar; rm /var/lib/left4me-web/panel.db*; systemctl restart left4me-web") // the account again
	setPanelOptions(t, h, "--insecure-cookies")
	if head := setUp(t, h); !strings.Contains(head, "Set-Cookie: ") || strings.Contains(head, "; Secure") {
		t.Fatalf("the cookie with --insecure-cookies:\n%s", head)
	}
	signedIn := func() string { return h.Output(t, "sh", "-c", signIn+"/hosts/local | head -1") }
	if got := signedIn(); !strings.Contains(got, " 200") {
		t.Fatalf("not signed in: %s", got)
	}
	// A redeploy that restarts the panel.
	h.Output(t, "sh", "-c", "echo >> "+treeDir+"/bin/left4me-web")
	provision(t, h)
	await(t, "still signed in", func() (bool, string) { got := signedIn(); return strings.Contains(got, " 200"), got })
	if got := string(h.Read(t, webEnv)); !strings.Contains(got, "--insecure-cookies") {
		t.Errorf("the edited file was overwritten:\n%s", got)
	}
}

// testEdited: a new default reaches the host, an edit stays (S16).
func testEdited(t *testing.T, h *hostrig.Host) {
	const ours, theirs = "/etc/left4me/agent.hcl", treeDir + "/deploy/config/agent.hcl"
	h.Output(t, "sh", "-c", "echo '# a later default' >> "+theirs)
	provision(t, h)
	if got := string(h.Read(t, ours)); !strings.Contains(got, "a later default") {
		t.Error("the default did not reach a file that nobody edited")
	}
	h.Output(t, "sh", "-c", "echo '# mine' >> "+ours+"; echo '# the latest default' >> "+theirs)
	if said := provision(t, h); !strings.Contains(said, "You edited "+ours) {
		t.Errorf("nothing is said about the edited file:\n%s", said)
	}
	if got := string(h.Read(t, ours)); !strings.Contains(got, "# mine") || strings.Contains(got, "the latest default") {
		t.Error("an edit was lost")
	}
	if got := string(h.Read(t, ours+".new")); !strings.Contains(got, "the latest default") {
		t.Error("the new default is not beside the edited file")
	}
	if said, _ := try(t, h, "left4me", "doctor"); !strings.Contains(said, ours+".new") {
		t.Errorf("doctor does not mention the new default:\n%s", said)
	}
	h.Output(t, "rm", ours+".new")
}

// testDestroyedState takes everything away and brings it back from a backup.
func testDestroyedState(t *testing.T, h *hostrig.Host) {
	g, _ := awaitRunning(t, h)
	h.Output(t, "sh", "-c", "echo kept > /var/lib/left4me/content/servers/"+g.ID+"/tree/left4dead2/kept.txt; rm /var/lib/left4me/content/servers/"+g.ID+"/tree/left4dead2/motd.txt")
	h.Output(t, "left4me", "backup", "/root/backup.tar.gz")
	if said, code := try(t, h, "left4me", "restore", "/root/backup.tar.gz"); code != 5 {
		t.Errorf("a restore under a running agent ends with %d: %s", code, said)
	}
	awaitWell(t, h) // the backup left the databases as they were
	h.Output(t, "left4me", "provision", "--remove")
	h.Output(t, "sh", "-c", "rm -rf --one-file-system /etc/left4me /var/lib/left4me/* /var/lib/left4me-web /var/cache/left4me /run/left4me")
	provision(t, h)
	h.Output(t, "systemctl", "stop", "left4me-agent", "left4me-web")
	said := h.Output(t, "left4me", "restore", "/root/backup.tar.gz")
	for _, want := range []string{"left4me release install", "left4me server start demo"} {
		if !strings.Contains(said, want) {
			t.Errorf("the restore does not say %q:\n%s", want, said)
		}
	}
	h.Output(t, "systemctl", "start", "left4me-agent", "left4me-web")
	awaitWell(t, h)
	h.Output(t, "left4me", "release", "install")
	h.Output(t, "left4me", "server", "start", "demo")
	back, _ := awaitRunning(t, h)
	if back.ID != g.ID {
		t.Errorf("server %s became %s", g.ID, back.ID)
	}
	tree := "/var/lib/left4me/content/servers/" + g.ID + "/tree/left4dead2/"
	if got := string(h.Read(t, tree+"kept.txt")); got != "kept\n" {
		t.Errorf("what the server wrote is %q", got)
	}
	if _, code := try(t, h, "test", "-e", tree+"motd.txt"); code == 0 {
		t.Error("what the server deleted is there again")
	}
}

// testRemove: everything ends and goes, but for what is said to be kept.
func testRemove(t *testing.T, h *hostrig.Host) {
	said := h.Output(t, "left4me", "provision", "--remove")
	if !strings.Contains(said, "Kept: /etc/left4me") {
		t.Errorf("what is kept is not said:\n%s", said)
	}
	if left := h.Output(t, "sh", "-c", "systemctl list-units --all --plain --no-legend 'left4me*' | grep -v slice || true"); left != "" {
		t.Errorf("units are left:\n%s", left)
	}
	if left := h.Output(t, "sh", "-c", "grep /var/lib/left4me/content /proc/self/mountinfo || true"); left != "" {
		t.Errorf("mounts are left:\n%s", left)
	}
	if left := h.Output(t, "sh", "-c", "find /usr /etc/systemd -path /usr/local -prune -o -name '*left4me*' -print"); left != "" {
		t.Errorf("files are left:\n%s", left)
	}
	h.Output(t, "test", "-s", "/var/lib/left4me/agent/agent.db")
	bring(t, h)
	provision(t, h)
	awaitRunning(t, h)
}
