package agenttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/token"
)

// world is the state of an agent in memory, behind one lock. changed is closed and replaced at every
// change, so that streams and tests can wait for the next one.
type world struct {
	mu         sync.Mutex
	changed    chan struct{}
	host       api.Host
	plugins    []api.Plugin
	types      []api.OverlayType
	logs       map[string][]api.PluginLine // by plugin
	overlays   map[string]*overlay
	blueprints map[string]*api.Blueprint
	releases   []api.Release
	game       api.Installation
	servers    map[string]*gameServer
	schedules  map[string]*api.Schedule
	jobs       []*job // oldest first
	events     []api.Event
	orphans    []api.Orphan
	scripts    map[string]Script
	tokens     map[string]token.Token
	contents   map[string]Content
	files      map[string]map[string]string // by place and path, see SetFiles

	ctx     context.Context // ends all jobs
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func newWorld() *world {
	now := time.Now().UTC()
	w := &world{
		changed: make(chan struct{}),
		host: api.Host{Name: "testhost", Version: "0.0.0-test", Supervisor: "process", StartedAt: now,
			Notices: []string{"Games run without limits: this is a test."}},
		overlays: map[string]*overlay{}, blueprints: map[string]*api.Blueprint{}, servers: map[string]*gameServer{}, schedules: map[string]*api.Schedule{},
		releases: []api.Release{{ID: id.New(), Version: "2.2.4.3", Build: "17033453", Current: true, Bytes: 8 << 30, Files: 12_345, CreatedAt: now}},
		game:     api.Installation{Source: "plugin", Plugin: "game-steamcmd", Update: "manual", Newest: "17033453", CheckedAt: &now},
		logs:     map[string][]api.PluginLine{},
		scripts:  map[string]Script{},
		tokens:   map[string]token.Token{},
		contents: map[string]Content{},
		files:    map[string]map[string]string{},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.addPlugin(api.Plugin{Name: "mounter-kernel", Kind: "mounter", Description: "Mounts with the kernel's overlayfs.",
		Health: map[string]string{"overlayfs": "yes"}}, now)
	w.addPlugin(api.Plugin{Name: "overlay-script", Kind: "builder", Capabilities: []string{"wipe"}}, now)
	w.addPlugin(api.Plugin{Name: "overlay-workshop", Kind: "builder"}, now)
	w.types = []api.OverlayType{
		{Name: "overlay-script", Doc: "Runs a script in a sandbox.", Schema: json.RawMessage(scriptSchema)},
		{Name: "overlay-workshop", Doc: "Fetches items of the Steam Workshop.", Schema: json.RawMessage(workshopSchema)},
	}
	return w
}

const (
	scriptSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,` +
		`"required":["script"],"properties":{"script":{"type":"string","title":"Script","contentMediaType":"text/x-shellscript"},` +
		`"tools":{"type":"array","title":"Tools","items":{"type":"string"}}}}`
	workshopSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,` +
		`"required":["items"],"properties":{"items":{"type":"array","title":"Items","items":{"type":"string","pattern":"^[0-9]+$"}},` +
		`"exclude":{"type":"array","title":"Exclude","items":{"type":"string"}},"pins":{"type":"object","title":"Pins"}}}`
)

func (w *world) addPlugin(p api.Plugin, now time.Time) {
	p.Enabled, p.Version, p.Launch, p.State, p.StartedAt = true, "0.0.0-test", "exec", "ready", &now
	p.PID, p.User, p.MemoryBytes = 1000+len(w.plugins), "left4me", 12<<20
	w.plugins = append(w.plugins, p)
}

// services returns w as what the API needs. One type cannot have two methods List, hence the views.
func (w *world) services() httpapi.Services {
	return httpapi.Services{
		Host: hostView{w}, Plugins: pluginView{w}, Overlays: overlayView{w}, OverlayBuilds: overlayView{w}, Content: contentView{w}, Addons: addonView{w},
		Blueprints: blueprintView{w}, Owners: ownerView{w}, Releases: releaseView{w}, Installation: releaseView{w}, Servers: serverView{w}, ServerActions: serverView{w},
		ServerLive: serverView{w}, Files: fileView{w}, Schedules: scheduleView{w}, Metrics: metricView{w}, Jobs: jobView{w}, Events: eventView{w}, Tokens: newTokenView(w),
	}
}

// close ends all jobs.
func (w *world) close() {
	w.cancel()
	w.running.Wait()
}

func (w *world) lock() func() {
	w.mu.Lock()
	return w.mu.Unlock
}

// change wakes everybody who waits. The lock is held.
func (w *world) change() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// touch wakes everybody who waits.
func (w *world) touch() {
	defer w.lock()()
	w.change()
}

// changes returns a channel that the next change closes.
func (w *world) changes() <-chan struct{} {
	defer w.lock()()
	return w.changed
}

// watch calls look under the lock now and after every change until it is done or ctx ends. What look
// returns is done without the lock.
func (w *world) watch(ctx context.Context, look func() (report func() error, done bool)) error {
	for {
		w.mu.Lock()
		report, done := look()
		changed := w.changed
		w.mu.Unlock()
		if err := report(); err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// record adds an event. The lock is held.
func (w *world) record(kind, subject, actor, format string, args ...any) {
	w.events = append(w.events, api.Event{ID: int64(len(w.events) + 1), Time: time.Now().UTC(), Kind: kind,
		Subject: subject, Actor: actor, Message: fmt.Sprintf(format, args...)})
	w.change()
}

func checkName(name string) error {
	if id.ValidName(name) {
		return nil
	}
	return fault.New(fault.Invalid, "%q is not a name.", name).WithField("name").
		WithHint("A name is 1 to 64 characters of a-z, 0-9, _ and -, beginning with a letter or digit.")
}

func notFound(kind, name string) error {
	return fault.New(fault.NotFound, "There is no %s %q.", kind, name).WithHint("List them with: left4me %s list", kind)
}

func taken(kind, name string) error {
	return fault.New(fault.Conflict, "There is a %s %q already.", kind, name).WithField("name").WithHint("Choose another name.")
}

// sorted returns the values of a map by name.
func sorted[V any, Out any](in map[string]V, show func(V) Out) []Out {
	names := make([]string, 0, len(in))
	for name := range in {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]Out, 0, len(in))
	for _, name := range names {
		out = append(out, show(in[name]))
	}
	return out
}
