package pluginhost_test

import (
	"fmt"
	"os"

	"github.com/left4me/left4me/agent/internal/pluginhost"
)

// runHost is a host process for TestHostDies: it starts a plugin, says its pid, and waits.
func runHost() {
	plugin := behaving("overlay-x", os.Getenv("BEHAVIOR"))
	plugin.Launch.Command = append(plugin.Launch.Command, os.Getenv("MARK"))
	host := pluginhost.New(pluginhost.Options{
		Plugins: []pluginhost.Plugin{plugin}, RuntimeDir: os.Getenv("MARK"), Timing: quick(),
	})
	host.Start()
	if err := host.Restart(testContext(), "overlay-x"); err != nil {
		fmt.Println(err)
		os.Exit(70)
	}
	fmt.Println(host.List()[0].PID)
	waitInput()
}
