package srcds

import (
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Game is one running server. Its fields belong to the engine goroutine.
type Game struct {
	opts    options
	root    string // of the installation
	dir     string // of the game below it
	version string // "2.2.4.3"
	stdout  io.Writer
	conlog  *os.File
	calls   chan func()
	stopped chan struct{} // closed when the engine takes no more calls

	commands  map[string]command
	cvars     map[string]*cvar
	capture   *strings.Builder // output for an RCON client
	execDepth int

	rcon    *rconServer
	queries *queryServer
	log     logger
	addons  addons
	faults  faults

	mapName     string
	players     []*player
	nextUserID  int
	hibernating bool
	secure      bool
	tickrate    int
	plugins     bool // metamod is visible
	bannedIDs   map[string]bool
	ended       bool
	exit        int
}

// buildNumber stands in the version line of `status`.
const buildNumber = 10097

// Main runs a server in the current directory until it is stopped, and returns its exit code.
func Main(args []string, stdin io.Reader, stdout io.Writer) int {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Stop(interrupts)
	g, err := newGame(parseOptions(args), stdout)
	if err != nil {
		_, _ = io.WriteString(stdout, err.Error()+"\n")
		return 1
	}
	return g.main(stdin, interrupts)
}

func newGame(o options, stdout io.Writer) (*Game, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	g := &Game{
		opts: o, root: root, dir: filepath.Join(root, o.game), stdout: stdout,
		calls: make(chan func()), stopped: make(chan struct{}),
		commands: newCommands(), cvars: newCvars(), nextUserID: 2, hibernating: true,
		bannedIDs: map[string]bool{},
	}
	g.version = readVersion(g.dir)
	g.define("demo_players", "0", "how many simulated players are on", false, false)
	if o.condebug {
		g.conlog, _ = os.OpenFile(filepath.Join(g.dir, "console.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	}
	return g, nil
}

// readVersion returns PatchVersion of steam.inf.
func readVersion(dir string) string {
	data, _ := os.ReadFile(filepath.Join(dir, "steam.inf"))
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PatchVersion="); ok {
			return v
		}
	}
	return "2.0.0.0"
}

func (g *Game) main(stdin io.Reader, interrupts <-chan os.Signal) int {
	if !g.start(interrupts) {
		return g.exit
	}
	go g.readStdin(stdin)
	ticker := time.NewTicker(time.Second / time.Duration(max(g.tickrate, 1)))
	defer ticker.Stop()
	for !g.ended {
		select {
		case call := <-g.calls:
			call()
		case <-interrupts:
			g.quit(0)
		case <-g.faults.flood():
			g.printFlood()
		case now := <-ticker.C:
			if !g.hibernating {
				g.tick(now)
			}
		}
	}
	close(g.stopped)
	g.rcon.close()
	g.queries.close()
	return g.exit
}

// call runs f in the engine and returns when it has run; false when the engine has ended.
func (g *Game) call(f func()) bool {
	done := make(chan struct{})
	select {
	case g.calls <- func() { defer close(done); f() }:
		<-done
		return true
	case <-g.stopped:
		return false
	}
}

func (g *Game) readStdin(stdin io.Reader) {
	buf, pending := make([]byte, 4096), ""
	for {
		n, err := stdin.Read(buf)
		pending += string(buf[:n])
		for {
			line, rest, ok := strings.Cut(pending, "\n")
			if !ok {
				break
			}
			pending = rest
			if !g.call(func() { g.run(line) }) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// quit ends the game the way `quit` and SIGINT do.
func (g *Game) quit(code int) {
	if g.ended {
		return
	}
	g.ended, g.exit = true, code
	g.log.line("server_message: \"quit\"")
	g.log.closeFile()
	if g.opts.pidFile != "" {
		_ = os.Remove(g.opts.pidFile)
	}
	if g.number("demo_crash_at_stop") != 0 {
		g.crash()
	}
}

// tick is one frame of the simulation: it only lets time pass for those who play.
func (g *Game) tick(now time.Time) {
	for _, p := range g.players {
		if p.state == stateSpawning && now.Sub(p.joined) > time.Second {
			p.state = stateActive
		}
	}
}
