package ui_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// chromium is a real browser. What its console or its policy complains about fails the test at the end.
type chromium struct {
	t         testing.TB
	ctx       context.Context
	width     int64 // of the window
	listening sync.WaitGroup
	mu        sync.Mutex
	trouble   []string
}

// missingPage is a page whose absence is no trouble.
const missingPage = "/hosts/local/servers/nothing"

// newChromium starts a headless browser that ends with the test.
func newChromium(t testing.TB) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine; install the package chromium to run this test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-prefers-reduced-motion", true))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	c := &chromium{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	c.listening.Go(func() {
		for message, err := range messages {
			if err != nil {
				return // the browser ended
			}
			if strings.HasSuffix(message.URL, missingPage) && message.Source == "network" {
				continue // asked for on purpose
			}
			c.mu.Lock()
			c.trouble = append(c.trouble, message.String()+" "+message.URL)
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits for the browser to end
			t.Logf("end chromium: %v", err)
		}
		cancel()
		end()
		c.listening.Wait()
		if len(c.trouble) > 0 {
			t.Errorf("the browser complains:\n%s", strings.Join(c.trouble, "\n"))
		}
	})
	return c
}

// actionTime is how long one action may take on a slow machine.
const actionTime = 40 * time.Second

// run does one thing in the browser; the test ends when it fails.
func run[T any](c *chromium, what string, action chromedp.Action[T]) T {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, actionTime)
	defer cancel()
	out, err := chromedp.Run(ctx, action)
	if err != nil {
		c.story()
		c.t.Fatalf("%s: %v", what, err)
	}
	return out
}

// story tells what the page looked like when something failed.
func (c *chromium) story() {
	ctx, cancel := context.WithTimeout(c.ctx, actionTime)
	defer cancel()
	if text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText")); err == nil {
		c.t.Logf("the page says: %s", text)
	}
	if picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		c.save("failed-"+c.t.Name(), picture)
	}
}

func (c *chromium) open(url string) {
	c.t.Helper()
	run(c, "open "+url, chromedp.Navigate(url))
}

func (c *chromium) click(selector string) {
	c.t.Helper()
	run(c, "click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (c *chromium) typeInto(selector, keys string) {
	c.t.Helper()
	run(c, "type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), keys))
}

// sees waits until an element is there for people to see.
func (c *chromium) sees(selector string) {
	c.t.Helper()
	run(c, "wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// holds waits until a script in the page gives true. A page that is left meanwhile takes the script along, so that it is
// asked again in the next one.
func (c *chromium) holds(script string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, actionTime)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](script))
		if err == nil {
			return
		}
		if gone := strings.Contains(err.Error(), "Cannot find context") || strings.Contains(err.Error(), "navigated"); !gone || ctx.Err() != nil {
			c.story()
			c.t.Fatalf("wait until %s: %v", script, err)
		}
	}
}

// says waits until an element holds text.
func (c *chromium) says(selector, want string) {
	c.t.Helper()
	c.holds(fmt.Sprintf("(document.querySelector(%q)?.textContent ?? '').includes(%q)", selector, want))
}

// eval returns what a script in the page gives.
func eval[T any](c *chromium, script string) T {
	c.t.Helper()
	return run(c, "evaluate "+script, chromedp.Evaluate[T](script))
}

// look sets the size of the window and the preferred colours.
func (c *chromium) look(width int64, colours string) {
	c.t.Helper()
	c.width = width
	height, mobile := int64(900), false
	if width < 600 {
		height, mobile = 844, true
	}
	if _, err := chromedp.Call(c.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: mobile}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: colours}}}); err != nil {
		c.t.Fatal(err)
	}
}

// save writes a picture into the directory that LEFT4ME_SCREENSHOTS names, or bin/journeys of the tree.
func (c *chromium) save(name string, picture []byte) {
	if len(picture) == 0 {
		return
	}
	dir := cmp.Or(os.Getenv("LEFT4ME_SCREENSHOTS"), filepath.FromSlash("../../../bin/journeys"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		c.t.Error(err)
	}
}
