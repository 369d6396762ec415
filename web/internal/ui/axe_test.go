package ui_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe returns the source of axe-core, which finds barriers in pages. It is fetched from npm at the first time.
func axe(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("testdata", "npm")
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		npm, err := exec.LookPath("npm")
		if err != nil {
			t.Skip("no npm on this machine to fetch axe-core with; install nodejs and npm to run this test")
		}
		command := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// No page has a barrier that axe-core calls serious or critical, contrast among them.
func TestPagesHaveNoBarriers(t *testing.T) {
	source := axe(t)
	p := newPanel(t)
	p.createAccount()
	running := busyHost(p)
	c := newChromium(t)
	c.look(1440, "light")
	c.open(p.URL + "/sign-in")
	c.barriers("sign-in", source)
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+"\r")
	c.sees(".side")
	for _, colours := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1440} {
			c.look(width, colours)
			for name, path := range pages(running) {
				c.open(p.URL + path)
				c.barriers(name+" in "+colours, source)
			}
		}
	}
}

func (c *chromium) barriers(page, source string) {
	c.t.Helper()
	run(c, "load axe-core", chromedp.Evaluate[chromedp.Void](source+"; undefined"))
	found := run(c, "run axe-core", chromedp.Evaluate[[]string](`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ": " + v.help + ": " + n.html.slice(0, 200))))`, chromedp.EvalAwaitPromise))
	for _, barrier := range found {
		c.t.Errorf("%s: %s", page, barrier)
	}
}
