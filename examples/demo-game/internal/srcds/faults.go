package srcds

import (
	"fmt"
	"time"
)

// faults are the ways to fail that a test or a demonstration switches on.
type faults struct {
	ticker  *time.Ticker
	perTick int
	until   time.Time
	printed int
}

const floodTicks = 50 // a second

// flood returns the channel that paces a flood of lines, or nil.
func (f *faults) flood() <-chan time.Time {
	if f.ticker == nil {
		return nil
	}
	return f.ticker.C
}

// demoFlood is `demo_flood LINES_PER_SECOND [SECONDS]`; 0 stops it.
func demoFlood(g *Game, args []string) {
	rate := number(first(args[1:]), 0)
	g.faults.stop()
	if rate <= 0 {
		return
	}
	seconds := 3600
	if len(args) > 2 {
		seconds = number(args[2], seconds)
	}
	g.faults.perTick = max(1, rate/floodTicks)
	g.faults.until = time.Now().Add(time.Duration(seconds) * time.Second)
	g.faults.ticker = time.NewTicker(time.Second / time.Duration(min(rate, floodTicks)))
}

func (f *faults) stop() {
	if f.ticker != nil {
		f.ticker.Stop()
		f.ticker = nil
	}
}

func (g *Game) printFlood() {
	for range g.faults.perTick {
		g.faults.printed++
		g.consoleOnly(fmt.Sprintf("flood line %d: the quick brown fox jumps over the lazy dog\n", g.faults.printed))
	}
	if time.Now().After(g.faults.until) {
		g.faults.stop()
	}
}

// demoHang blocks the engine: ports stay open and nothing answers. Without seconds it never ends.
func demoHang(g *Game, args []string) {
	if n := number(first(args[1:]), 0); n > 0 {
		time.Sleep(time.Duration(n) * time.Second)
		return
	}
	select {}
}

func demoOutdated(g *Game, _ []string) {
	g.consoleOnly("\x03MasterRequestRestart\nYour server needs to be restarted in order to receive the latest update.\n" +
		"\x03MasterRequestRestart\nYour server is out of date.  Please update and restart.\n")
}

// demoANSI prints what a hostile name may bring to a console: colours, a window title, control characters, a
// reordering mark, bytes that are no UTF-8, and a line without end.
func demoANSI(g *Game, _ []string) {
	g.consoleOnly("\x1b[31mred\x1b[0m \x1b]0;title\x07after\x08 \u202egnp.exe \xff\xfe\n")
	long := make([]byte, 64<<10)
	for i := range long {
		long[i] = 'x'
	}
	g.consoleOnly(string(long) + "\n")
}

// crash ends the process as a fault in the game does.
func (g *Game) crash() {
	g.consoleOnly("PreMinidumpCallback: updating dump comment\nUploading dump (in-process) [proxy '']\n" +
		"/tmp/dumps/crash_" + time.Now().Format("20060102150405") + "_1.dmp\n")
	segfault()
}
