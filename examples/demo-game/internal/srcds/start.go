package srcds

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// start prints what the engine prints, opens the ports and loads the map. It returns false when the server
// cannot run.
func (g *Game) start(interrupts <-chan os.Signal) bool {
	steam := g.findSteam()
	g.consoleOnly("#Using shader api: bin/shaderapiempty_srv.so\n#\n#Console initialized.\n" +
		"#Using breakpad minidump system\n#Game_srv.so loaded for \"Left 4 Dead 2\"\nServer is hibernating\n")
	if !g.waitSlowStart(interrupts) {
		return false
	}
	g.consoleOnly("ConVarRef test_progression_loop doesn't point to an existing ConVar\n" +
		"Parent cvar in server.dll not allowed (spit_scaling_min_scale)\nGame supporting (2) split screen players\n")
	g.consoleOnly("maxplayers set to 18\nUnknown command \"mat_bloom_scalefactor_scalar\"\n")
	if err := g.listen(); err != nil {
		g.consoleOnly(err.Error() + "\n")
		g.ended, g.exit = true, 1
		return false
	}
	g.consoleOnly(fmt.Sprintf("Network: IP %s, mode MP, dedicated Yes, ports %d SV / 0 CL\n", g.opts.ip, g.opts.port))
	g.writePIDFile()
	g.loadPlugins()
	g.scanAddons()
	g.log.game = g
	g.readBans()
	for _, line := range g.opts.commands {
		g.run(line)
	}
	if g.opts.gameMode != "" {
		g.cvars["mp_gamemode"].value = g.opts.gameMode
	}
	if g.opts.mapName != "" && !g.ended {
		g.loadMap(g.opts.mapName)
	}
	go g.serve()
	go g.reportSteam(steam)
	return !g.ended
}

func (g *Game) waitSlowStart(interrupts <-chan os.Signal) bool {
	select {
	case <-time.After(g.opts.slowStart):
		return true
	case <-interrupts:
		return false
	}
}

// findSteam returns why steamclient.so cannot be loaded, or nil. It is looked for where the real one is: in
// the home directory and beside the game's own libraries.
func (g *Game) findSteam() error {
	if _, err := os.Stat(filepath.Join(g.root, "bin", "steamclient.so")); err == nil {
		return nil
	}
	path := filepath.Join(os.Getenv("HOME"), ".steam/sdk32/steamclient.so")
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s: cannot open shared object file: No such file or directory", path)
	}
	return nil
}

// reportSteam prints how the connection to Steam went, which the engine learns some time after the map.
func (g *Game) reportSteam(missing error) {
	time.Sleep(50 * time.Millisecond)
	g.call(func() {
		if missing != nil {
			g.consoleOnly(missing.Error() + "\n[S_API FAIL] SteamAPI_Init() failed; unable to load steamclient.so\n" +
				"Could not establish connection to Steam servers.\n")
			return
		}
		g.consoleOnly("Connection to Steam servers successful.\n")
		if !g.opts.insecure {
			g.secure = true
			g.consoleOnly("   VAC secure mode is activated.\n")
		}
	})
}

func (g *Game) writePIDFile() {
	if g.opts.pidFile == "" {
		return
	}
	if err := os.WriteFile(g.opts.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		g.consoleOnly(fmt.Sprintf("Warning: unable to open pidfile (%s)\n", g.opts.pidFile))
	}
}

// loadPlugins takes up what is visible in addons: MetaMod with SourceMod, and the tick rate enabler.
func (g *Game) loadPlugins() {
	g.tickrate = 30
	if g.exists("addons/tickrate_enabler.vdf") {
		g.tickrate = g.opts.tickrate
	}
	g.define("demo_tickrate", strconv.Itoa(g.tickrate), "ticks per second", false, true)
	if !g.exists("addons/metamod.vdf") {
		return
	}
	g.plugins = true
	g.define("metamod_version", "1.12.0-dev+1219V", "Metamod:Source Version", true, true)
	g.define("sourcemod_version", "1.12.0.7193", "SourceMod Version", true, true)
	g.writePluginFile("addons/sourcemod/logs/L"+time.Now().Format("20060102")+".log", "SourceMod log file session started")
	g.writePluginFile("cfg/sourcemod/sourcemod.cfg", "// made by the demo game")
}

func (g *Game) exists(name string) bool {
	_, err := os.Stat(filepath.Join(g.dir, name))
	return err == nil
}

// writePluginFile appends to a file that plugins write at run time, and says when it may not: overlays that
// keep their builder's ownership make SourceMod fail here.
func (g *Game) writePluginFile(name, line string) {
	path := filepath.Join(g.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err == nil {
			_, err = fmt.Fprintf(f, "%s\n", line)
			_ = f.Close()
		}
	}
	if err != nil {
		g.consoleOnly(fmt.Sprintf("[SM] Unable to write %s: %v\n", name, err))
	}
}
