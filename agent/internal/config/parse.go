package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxFile bounds the configuration file, in bytes.
const maxFile = 4 << 20

// Load reads the file at path. The error is Problems, also when the file cannot be read.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Problems{{File: path, Message: "The file does not exist.",
			Hint: "Name another one with --config, or write it; the reference has an example."}}
	case err != nil:
		return nil, Problems{{File: path, Message: "The file cannot be opened: " + reason(err) + "."}}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, Problems{{File: path, Message: "The file cannot be read: " + reason(err) + "."}}
	}
	return data, nil
}

// Parse reads a configuration; name stands in messages for the file. What the text does not say has
// the value of [Default]. The error is Problems, and the Config is nil then.
func Parse(name string, data []byte) (*Config, error) {
	if len(data) > maxFile {
		return nil, Problems{{File: name, Message: fmt.Sprintf("The file is larger than %d MiB.", maxFile>>20)}}
	}
	s := &section{problems: &collector{}, origins: map[string]position{}, file: name}
	parsed, diagnostics := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
	if diagnostics.HasErrors() {
		s.addDiagnostics(diagnostics)
		return nil, s.problems.problems.sorted().err()
	}
	s.body = parsed.Body.(*hclsyntax.Body) // ParseConfig promises it
	c := s.config()
	if len(s.problems.problems) == 0 {
		s.problems.problems = c.problems()
	}
	if err := s.problems.problems.sorted().err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (s *section) config() *Config {
	stateDir, runtimeDir := StateDir, ""
	s.text("state_dir", &stateDir)
	s.text("runtime_dir", &runtimeDir)
	c := Default(stateDir)
	c.origins = s.origins
	if runtimeDir != "" {
		c.RuntimeDir, c.Listen.Socket = runtimeDir, defaultSocket(runtimeDir)
	}
	s.text("name", &c.Name)
	s.block("listen", func(s *section) { s.listen(&c.Listen) })
	s.blocks("plugin", func(s *section, name string) { c.Plugins = append(c.Plugins, s.plugin(name)) })
	s.block("servers", func(s *section) { s.servers(&c.Servers) })
	s.block("overlays", func(s *section) {
		s.timeOfDay("refresh_at", &c.Overlays.RefreshAt)
		s.done()
	})
	s.block("installation", func(s *section) { s.installation(&c.Installation) })
	s.block("jobs", func(s *section) {
		s.number("workers", &c.Jobs.Workers)
		s.duration("retention", &c.Jobs.Retention)
		s.done()
	})
	s.block("webhooks", func(s *section) {
		s.flag("private", &c.Webhooks.Private)
		s.done()
	})
	s.block("log", func(s *section) {
		s.text("level", &c.Log.Level)
		s.text("format", &c.Log.Format)
		s.done()
	})
	s.done()
	return c
}

func (s *section) listen(l *Listen) {
	s.text("socket", &l.Socket)
	s.mode("socket_mode", &l.SocketMode)
	s.text("socket_group", &l.SocketGroup)
	s.text("address", &l.Address)
	s.text("token_file", &l.TokenFile)
	s.text("certificate", &l.Certificate)
	s.text("private_key", &l.PrivateKey)
	s.done()
}

// mode reads permissions, written as in chmod.
func (s *section) mode(key string, into *fs.FileMode) {
	text := fmt.Sprintf("%04o", *into)
	s.text(key, &text)
	bits, err := strconv.ParseUint(text, 8, 32)
	if err != nil || bits > 0o777 {
		s.problems.add(s.origins[s.path+key], `Write permissions in octal, for example "0660".`,
			"%q = %q is not a file mode.", key, text)
		return
	}
	*into = fs.FileMode(bits)
}

func (s *section) plugin(name string) Plugin {
	p := Plugin{Name: name, Enabled: true, Settings: []byte("{}")}
	s.text("kind", &p.Kind)
	s.flag("enabled", &p.Enabled)
	s.block("launch", func(s *section) { s.launch(&p.Launch) })
	s.block("settings", func(s *section) { p.Settings = s.settings() })
	s.blocks("secret", func(s *section, name string) {
		secret := Secret{Name: name}
		s.text("file", &secret.File)
		s.done()
		p.Secrets = append(p.Secrets, secret)
	})
	s.done()
	return p
}

func (s *section) launch(l *Launch) {
	s.text("mode", &l.Mode)
	s.list("command", &l.Command)
	s.text("checksum", &l.Checksum)
	s.text("user", &l.User)
	s.text("group", &l.Group)
	s.list("capabilities", &l.Capabilities)
	s.texts("environment", &l.Environment)
	s.text("socket", &l.Socket)
	s.done()
}

func (s *section) servers(v *Servers) {
	s.text("supervisor", &v.Supervisor)
	s.ports("port_range", &v.Ports)
	s.text("user", &v.User)
	s.text("group", &v.Group)
	s.duration("stop_timeout", &v.StopTimeout)
	s.text("on_exit", &v.OnExit)
	s.text("bind_ip", &v.BindIP)
	s.text("log_listen", &v.LogListen)
	s.text("public_address", &v.PublicAddress)
	s.done()
}

// ports reads "first-last" or one port.
func (s *section) ports(key string, into *Ports) {
	text := into.String()
	s.text(key, &text)
	ports, err := parsePorts(text)
	if err != nil {
		s.problems.add(s.origins[s.path+key], `Write first and last port, for example "27015-27115".`,
			"%q = %q is not a range of ports.", key, text)
		return
	}
	*into = ports
}

func (s *section) installation(i *Installation) {
	s.text("source", &i.Source)
	s.text("path", &i.Path)
	s.text("plugin", &i.Plugin)
	s.duration("check", &i.Check)
	s.text("update", &i.Update)
	s.number("keep", &i.Keep)
	s.duration("rollout_deadline", &i.Deadline)
	s.done()
}
