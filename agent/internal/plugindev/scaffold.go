package plugindev

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/left4me/left4me/agent/internal/fault"
)

//go:embed template
var templates embed.FS

// sdkModule is the path of the sdk's module.
const sdkModule = "github.com/left4me/left4me/sdk"

// Kinds are the kinds of plugin that New can write.
func Kinds() []string { return []string{"builder", "mounter"} }

// NewOptions say what New writes.
type NewOptions struct {
	Name   string // of the plugin, and of the overlays' type
	Kind   string // see Kinds
	Module string // path of the Go module; "" = the name
	Dir    string // where to; "" = the name. It must be absent or empty
	SDK    string // a checkout's sdk directory; "" = looked for, see FindSDK
}

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}$`)

// New writes a module for a plugin and returns its directory and files. The sdk is not published, so the module replaces it by
// a directory of this machine: by a relative path when both lie in the same checkout.
func New(options NewOptions) (dir string, files []string, err error) {
	if !pluginName.MatchString(options.Name) {
		return "", nil, fault.New(fault.Invalid, "%.80q is not a name for a plugin.", options.Name).
			WithHint(`Use 2 to 41 characters of a-z, 0-9 and "-", a letter first.`)
	}
	if !slices.Contains(Kinds(), options.Kind) {
		return "", nil, fault.New(fault.Invalid, "There is no kind %q of plugin.", options.Kind).WithHint("Kinds are: %s.", strings.Join(Kinds(), ", "))
	}
	if options.Module == "" {
		options.Module = options.Name
	}
	if options.Dir == "" {
		options.Dir = options.Name
	}
	if dir, err = filepath.Abs(options.Dir); err != nil {
		return "", nil, err
	}
	if options.SDK == "" {
		if options.SDK, err = FindSDK(); err != nil {
			return "", nil, err
		}
	}
	content, err := render(options, dir)
	if err != nil {
		return "", nil, err
	}
	if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fault.New(fault.Conflict, "The directory %s is there already, and not empty.", dir).WithHint("Name another one with --dir.")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fault.Wrap(err, fault.Invalid, "The directory %s cannot be made.", dir).WithHint("Name another one with --dir.")
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", nil, fault.Wrap(err, fault.Invalid, "The file %s cannot be written.", filepath.Join(dir, name)).WithHint("Look at the directory's permissions and the disk.")
		}
		files = append(files, name)
	}
	slices.Sort(files)
	return dir, files, nil
}

// render returns the files of the module by name.
func render(options NewOptions, dir string) (map[string][]byte, error) {
	sdkDir, err := filepath.Abs(options.SDK)
	if err != nil {
		return nil, err
	}
	if !isSDK(sdkDir) {
		return nil, fault.New(fault.Invalid, "%s is not the sdk's directory.", options.SDK).WithHint("Name the directory sdk of a checkout of left4me with --sdk.")
	}
	version, requires, err := requirements(sdkDir)
	if err != nil {
		return nil, err
	}
	values := map[string]any{
		"Name": options.Name, "Module": options.Module, "Go": version, "Requires": requires, "SDK": sdkPath(sdkDir, dir),
		"Variable": strings.ToUpper(strings.ReplaceAll(options.Name, "-", "_")) + "_AS_PLUGIN",
	}
	out := map[string][]byte{}
	all := template.Must(template.ParseFS(templates, "template/*.tmpl", "template/"+options.Kind+"/*.tmpl"))
	for _, t := range all.Templates() {
		name, ok := strings.CutSuffix(t.Name(), ".tmpl")
		if !ok {
			continue
		}
		var text bytes.Buffer
		if err := t.Execute(&text, values); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		out[name] = text.Bytes()
	}
	sums, err := os.ReadFile(filepath.Join(sdkDir, "go.sum"))
	if err != nil {
		return nil, fmt.Errorf("read the sdk's sums: %w", err)
	}
	out["go.sum"] = sums
	return out, nil
}

// requirements reads what the sdk needs from its go.mod. What only its own tests need is marked there.
func requirements(sdkDir string) (version string, requires []string, err error) {
	data, err := os.ReadFile(filepath.Join(sdkDir, "go.mod"))
	if err != nil {
		return "", nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		text, comment, _ := strings.Cut(lines.Text(), "//")
		fields := strings.Fields(text)
		switch {
		case len(fields) != 2 || strings.Contains(comment, "only tests") || fields[0] == "module":
		case fields[0] == "go":
			version = fields[1]
		case fields[1] != "(":
			requires = append(requires, fields[0]+" "+fields[1])
		}
	}
	slices.Sort(requires)
	return version, requires, lines.Err()
}

// sdkPath is how a go.mod in dir names the sdk's directory.
func sdkPath(sdkDir, dir string) string {
	if relative, err := filepath.Rel(filepath.Dir(sdkDir), dir); err == nil && filepath.IsLocal(relative) {
		if path, err := filepath.Rel(dir, sdkDir); err == nil {
			return filepath.ToSlash(path)
		}
	}
	return filepath.ToSlash(sdkDir)
}

// FindSDK looks for a checkout's sdk: around this program, which make build puts into bin/, and around the present directory.
func FindSDK() (string, error) {
	var from []string
	if program, err := os.Executable(); err == nil {
		from = append(from, filepath.Dir(program))
	}
	if present, err := os.Getwd(); err == nil {
		from = append(from, present)
	}
	for _, dir := range from {
		for ; ; dir = filepath.Dir(dir) {
			if path := filepath.Join(dir, "sdk"); isSDK(path) {
				return path, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fault.New(fault.NotFound, "The sdk is not published yet, and there is no checkout of left4me around here.").
		WithHint("Name the directory sdk of a checkout with --sdk.")
}

func isSDK(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(data), "module "+sdkModule+"\n")
}
