package sdk

import (
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// Logger returns the plugin's logger. It writes JSON lines to standard error, which the agent takes
// into its own log under the plugin's name. The level follows Configure and is "info" before it.
//
// It is for the plugin itself. What belongs to one build goes to the build's own log.
func Logger() hclog.Logger { return theLogger() }

// theLogger is fixed to the standard error the process started with: go-plugin replaces os.Stderr.
var theLogger = sync.OnceValue(func() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Level:      hclog.Info,
		Output:     os.Stderr,
		JSONFormat: true,
	})
})
