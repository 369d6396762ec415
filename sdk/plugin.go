package sdk

import (
	"context"
	"encoding/json"
	"time"
)

// Info describes a plugin. It is the same from "describe" and over the wire.
type Info struct {
	Name         string // ^[a-z][a-z0-9-]{1,40}$
	Version      string // semantic version without a leading v
	SDKVersion   string // filled in by Serve
	Minor        uint32 // protocol minor, filled in by Serve
	Kind         KindName
	Capabilities []string // optional abilities, see the constants of package builder and mounter

	// PluginSchema and OverlaySchema are JSON Schema 2020-12 documents: of the operator's settings
	// block, and of one overlay's settings (builders only).
	PluginSchema  json.RawMessage
	OverlaySchema json.RawMessage

	// WantedCapabilities lists Linux capabilities such as "CAP_SYS_ADMIN": a hint, never a grant.
	WantedCapabilities []string
	Doc                string // Markdown
}

// KindName names a plugin kind.
type KindName string

// The plugin kinds of protocol version 1.
const (
	KindBuilder KindName = "builder"
	KindMounter KindName = "mounter"
)

// Severity of a [Diagnostic].
type Severity string

// Severities. Only an error stops what was asked.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Diagnostic is a finding about settings.
type Diagnostic struct {
	Severity Severity
	Code     string // stable, machine readable, for example "schema.required"
	Summary  string // one sentence for a person
	Detail   string // next step, or more about the cause
	Pointer  string // RFC 6901 pointer into the settings
}

// Settings is what [Base.Configure] gets.
type Settings struct {
	JSON     json.RawMessage   // the operator's settings block
	StateDir string            // the plugin's own directory that stays; may be ""
	CacheDir string            // the plugin's own directory that may be emptied between runs; may be ""
	LogLevel string            // trace, debug, info, warn, error
	Secrets  map[string]string // never logged
}

// HealthState says whether a plugin can do its work.
type HealthState string

// Health states.
const (
	HealthUndetected HealthState = "undetected" // something it needs is absent
	HealthUnhealthy  HealthState = "unhealthy"
	HealthHealthy    HealthState = "healthy"
)

// Health is a plugin's own view of itself.
type Health struct {
	State       HealthState
	Description string
	Attributes  map[string]string // facts found by trying
}

// Base is served by every plugin, whatever its kind. The client side implements it too, so the
// host and a test see the same interface. Implementations are safe for concurrent use.
type Base interface {
	// Info never fails because of settings: it may be called before Configure.
	Info(ctx context.Context) (Info, error)
	// Configure replaces the settings. With an error diagnostic in the answer the old ones stay.
	Configure(ctx context.Context, settings Settings) ([]Diagnostic, error)
	// WatchHealth calls report with the present state at once and then on each change. It returns
	// when ctx ends, the connection breaks, or report returns an error.
	WatchHealth(ctx context.Context, report func(Health) error) error
	// Drain refuses new work, lets running work end within grace and cancels the rest. It returns
	// how many calls were canceled.
	Drain(ctx context.Context, grace time.Duration) (int, error)
}
