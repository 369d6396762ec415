package sdktest

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Script is what a [MemBuilder] does for an overlay: its settings. Keys without a value do nothing.
type Script struct {
	Files  map[string]string `json:"files,omitempty" jsonschema:"the whole content: text by path"`
	Logs   []string          `json:"logs,omitempty" jsonschema:"lines for the build's log"`
	Output string            `json:"output,omitempty" jsonschema:"what a child process would print"`
	Steps  uint64            `json:"steps,omitempty" jsonschema:"how many progress events to send"`
	Warn   string            `json:"warn,omitempty" jsonschema:"a warning to report"`
	Hang   bool              `json:"hang,omitempty" jsonschema:"wait until the build is canceled"`
	Panic  string            `json:"panic,omitempty" jsonschema:"panic with this text"`
	Fail   string            `json:"fail,omitempty" jsonschema:"fail with this message"`
	Code   string            `json:"code,omitempty" jsonschema:"code of the failure"`
	// Binary is content that is not text, on top of Files.
	Binary  map[string]string `json:"binary,omitempty" jsonschema:"more content: base64 by path"`
	Note    map[string]string `json:"note,omitempty" jsonschema:"annotations"`
	Changes []builder.Change  `json:"changes,omitempty" jsonschema:"what became of the parts"`
}

// MemBuilder is a builder whose overlays' settings say what it does, in the order of Script's fields.
// It records what it was asked.
type MemBuilder struct {
	*builder.Plugin

	mu      sync.Mutex
	builds  []builder.Request
	forgot  []string
	changed chan struct{}
}

// NewMemBuilder returns a MemBuilder. The name must have the form of a plugin name.
func NewMemBuilder(name string, options ...builder.Option) *MemBuilder {
	m := &MemBuilder{changed: make(chan struct{})}
	m.Plugin = builder.New(name, "1.2.3", m.build, append([]builder.Option{
		builder.WithPlan(m.plan),
		builder.WithValidate(validate),
		builder.WithForget(m.forget),
		builder.WithCapabilities(builder.CapabilityIncremental),
		builder.WithDoc("Does what the overlay's settings say."),
		builder.WithSchema(func(schema *jsonschema.Schema) {
			schema.Properties["code"].Default = []byte(`"internal"`)
		}),
	}, options...)...)
	return m
}

// Builds returns the requests of all builds so far, in the order they began. Settings are left out:
// Files and the like were decoded from them.
func (m *MemBuilder) Builds() []builder.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.builds)
}

// Forgotten returns the overlay ids of all Forget calls so far.
func (m *MemBuilder) Forgotten() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.forgot)
}

// WaitBuilds waits until n builds have begun.
func (m *MemBuilder) WaitBuilds(ctx context.Context, n int) error {
	for {
		m.mu.Lock()
		begun, changed := len(m.builds), m.changed
		m.mu.Unlock()
		if begun >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *MemBuilder) record(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *MemBuilder) forget(_ context.Context, overlayID string) error {
	m.record(func() { m.forgot = append(m.forgot, overlayID) })
	return nil
}

func (m *MemBuilder) plan(_ context.Context, input builder.PlanInput[Script]) (builder.Plan, error) {
	plan := builder.Plan{CacheKey: cacheKey(input.Settings.Files)}
	for _, name := range slices.Sorted(maps.Keys(input.Settings.Files)) {
		plan.EstimatedBytes += uint64(len(input.Settings.Files[name]))
		plan.Summary = append(plan.Summary, "Write "+name+".")
	}
	return plan, nil
}

func validate(_ context.Context, script Script) []sdk.Diagnostic {
	var found []sdk.Diagnostic
	for _, name := range slices.Sorted(maps.Keys(script.Files)) {
		if !fs.ValidPath(name) || name == "." {
			found = append(found, sdk.Diagnostic{
				Severity: sdk.SeverityError, Code: "script.path",
				Summary: fmt.Sprintf("%q is not a path inside the overlay.", name),
				Detail:  "Use a relative path without \"..\".", Pointer: "/files",
			})
		}
	}
	return found
}

// build does what the script says.
func (m *MemBuilder) build(ctx context.Context, b *builder.Build[Script]) error {
	m.record(func() {
		m.builds = append(m.builds, builder.Request{
			BuildID: b.BuildID, OverlayID: b.OverlayID, OutputDir: b.Path, Secrets: b.Secrets,
			Limits: b.Limits, PreviousAnnotations: b.PreviousAnnotations,
		})
	})
	files := maps.Clone(b.Settings.Files)
	for name, data := range b.Settings.Binary {
		if files == nil {
			files = map[string]string{}
		}
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return sdk.Wrap(err, sdk.CodeInvalid, "Binary content is not base64.")
		}
		files[name] = string(raw)
	}
	for key, value := range b.Settings.Note {
		b.Annotate(key, value)
	}
	b.Result.CacheKey, b.Result.Changes = cacheKey(files), b.Settings.Changes
	b.Annotate("key", b.Result.CacheKey)
	if b.PreviousAnnotations["key"] == b.Result.CacheKey {
		b.Unchanged()
	} else if err := writeTree(b, files); err != nil {
		return err
	}
	talk(b)
	if b.Settings.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if b.Settings.Panic != "" {
		panic(b.Settings.Panic)
	}
	if b.Settings.Fail != "" {
		return sdk.Errorf(sdk.Code(b.Settings.Code), "%s", b.Settings.Fail).WithHint("Change the script.")
	}
	return nil
}

// talk sends the events of the script.
func talk(b *builder.Build[Script]) {
	for _, line := range b.Settings.Logs {
		b.Logf("%s", line)
	}
	_, _ = b.Writer(builder.Stdout).Write([]byte(b.Settings.Output)) // never fails
	for i := range b.Settings.Steps {
		b.Step("steps", i+1, b.Settings.Steps)
	}
	if b.Settings.Warn != "" {
		b.Diagnostic(sdk.Diagnostic{Severity: sdk.SeverityWarning, Code: "script.warn", Summary: b.Settings.Warn})
	}
}

// writeTree makes files the whole content of the staging tree.
func writeTree(b *builder.Build[Script], files map[string]string) error {
	old, err := fs.ReadDir(b.Dir.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range old {
		if err := b.Dir.RemoveAll(entry.Name()); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := b.Dir.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := b.Dir.WriteFile(name, []byte(files[name]), 0o644); err != nil {
			return err
		}
	}
	return nil
}
