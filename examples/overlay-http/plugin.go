package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// settings of an overlay.
type settings struct {
	URL    string `json:"url" jsonschema:"address of the archive: .zip, .tar or .tar.gz"`
	SHA256 string `json:"sha256" jsonschema:"checksum of the archive, 64 hex digits"`
	Into   string `json:"into,omitempty" jsonschema:"directory in the overlay that takes the content"`
	Strip  int    `json:"strip,omitempty" jsonschema:"how many leading directories of each name to leave out"`
}

// pluginSettings are the operator's.
type pluginSettings struct {
	AllowLocal bool `json:"allow_local,omitempty" jsonschema:"allow plain http, and addresses of this host and its networks"`
}

// site is the plugin.
type site struct {
	mu     sync.Mutex
	plugin pluginSettings
	locks  map[string]*sync.Mutex // by checksum: one download at a time
}

func newPlugin() *builder.Plugin {
	s := &site{locks: map[string]*sync.Mutex{}}
	return builder.New("overlay-http", "0.1.0", s.build,
		builder.WithDoc("Fetches an archive with a fixed checksum."),
		builder.WithCapabilities(builder.CapabilityIncremental, builder.CapabilityNetwork),
		builder.WithValidate(s.validate),
		builder.WithPluginSettings(s.configure, func(schema *jsonschema.Schema) { schema.Properties["allow_local"].Default = []byte("false") }),
		builder.WithSchema(func(schema *jsonschema.Schema) {
			schema.Properties["sha256"].Pattern = "^[0-9a-f]{64}$"
			schema.Properties["url"].Examples = []any{"https://maps.example/parish.zip"}
			schema.Properties["sha256"].Examples = []any{strings.Repeat("0123456789abcdef", 4)}
			schema.Properties["into"].Default = []byte(`"left4dead2"`)
			schema.Properties["strip"].Default = []byte("0")
			schema.Properties["strip"].Minimum, schema.Properties["strip"].Maximum = new(0.0), new(16.0)
		}))
}

func (s *site) configure(_ context.Context, _ sdk.Settings, typed pluginSettings) ([]sdk.Diagnostic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plugin = typed
	return nil, nil
}

func (s *site) allowLocal() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plugin.AllowLocal
}

// lock returns the lock of a checksum.
func (s *site) lock(sum string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[sum] == nil {
		s.locks[sum] = &sync.Mutex{}
	}
	return s.locks[sum]
}

// validate says what the schema cannot. It asks nobody.
func (s *site) validate(_ context.Context, v settings) []sdk.Diagnostic {
	var found []sdk.Diagnostic
	problem := func(pointer, summary, detail string) {
		found = append(found, sdk.Diagnostic{Severity: sdk.SeverityError, Code: "http.setting", Pointer: pointer, Summary: summary, Detail: detail})
	}
	address, err := url.Parse(v.URL)
	switch {
	case err != nil || address.Host == "" || address.User != nil:
		problem("/url", "The address cannot be used.", "Write https://host/path, without a password.")
	case address.Scheme != "https" && (address.Scheme != "http" || !s.allowLocal()):
		problem("/url", "The address is not https.", "Use https, or ask the operator for allow_local.")
	}
	if formatOf(v.URL) == "" {
		problem("/url", "The archive has no known format.", "Name a .zip, .tar, .tar.gz or .tgz file.")
	}
	if v.Into != "" && !fs.ValidPath(v.Into) {
		problem("/into", "The directory is not one inside the overlay.", `Use a relative path without "..".`)
	}
	return found
}

// formatOf is the archive's format by its name, or "".
func formatOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	name := strings.ToLower(path.Base(parsed.Path))
	for suffix, format := range map[string]string{".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz"} {
		if strings.HasSuffix(name, suffix) {
			return format
		}
	}
	return ""
}

// build makes the overlay's content, unless the previous revision was made of the same.
func (s *site) build(ctx context.Context, b *builder.Build[settings]) error {
	made := fmt.Sprintf("%s %s %d", b.Settings.SHA256, b.Settings.Into, b.Settings.Strip)
	b.Result.CacheKey = made
	b.Annotate("made-of", made)
	if b.PreviousAnnotations["made-of"] == made {
		b.Logf("The archive %s is what it was.", b.Settings.SHA256[:12])
		b.Unchanged()
		return nil
	}
	lock := s.lock(b.Settings.SHA256)
	lock.Lock()
	archive, err := s.fetch(ctx, b)
	lock.Unlock()
	if err != nil {
		return err
	}
	defer archive.Close()
	return unpack(ctx, b, archive)
}
