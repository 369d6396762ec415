package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Edit changes plugin blocks of a configuration file and keeps everything else as people wrote it, comments and order too. An
// Edit is for one change: open, change, [Edit.Save].
type Edit struct {
	path   string
	before []byte
	file   *hclwrite.File
	now    *Config
}

// OpenEdit reads the file at path, which must be a valid configuration. The error is Problems.
func OpenEdit(path string) (*Edit, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	now, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	file, diagnostics := hclwrite.ParseConfig(data, path, hcl.InitialPos)
	if diagnostics.HasErrors() {
		return nil, Problems{{File: path, Message: "The file cannot be read for a change: " + diagnostics.Error() + "."}}
	}
	return &Edit{path: path, before: data, file: file, now: now}, nil
}

// Plugin returns the plugin's block as the file has it.
func (e *Edit) Plugin(name string) (Plugin, bool) {
	i := slices.IndexFunc(e.now.Plugins, func(p Plugin) bool { return p.Name == name })
	if i < 0 {
		return Plugin{}, false
	}
	return e.now.Plugins[i], true
}

// Plugins returns all plugins of the file.
func (e *Edit) Plugins() []Plugin { return slices.Clone(e.now.Plugins) }

// AddPlugin appends a block for a plugin that the agent starts itself. Comment is put above it.
func (e *Edit) AddPlugin(p Plugin, comment string) {
	body := e.file.Body()
	body.AppendNewline()
	if comment != "" {
		body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + comment + "\n")}})
	}
	block := body.AppendNewBlock("plugin", []string{p.Name}).Body()
	block.SetAttributeValue("kind", cty.StringVal(p.Kind))
	block.SetAttributeValue("enabled", cty.BoolVal(p.Enabled))
	launch := block.AppendNewBlock("launch", nil).Body()
	launch.SetAttributeValue("mode", cty.StringVal(p.Launch.Mode))
	launch.SetAttributeValue("command", texts(p.Launch.Command))
	launch.SetAttributeValue("checksum", cty.StringVal(p.Launch.Checksum))
}

// SetEnabled sets whether the plugin of that name is enabled. It reports whether there is one.
func (e *Edit) SetEnabled(name string, enabled bool) bool {
	block := e.block(name)
	if block != nil {
		block.Body().SetAttributeValue("enabled", cty.BoolVal(enabled))
	}
	return block != nil
}

// SetProgram sets the program and checksum of a plugin that the agent starts itself, and keeps its arguments. It reports whether
// there is one.
func (e *Edit) SetProgram(name, program, checksum string) bool {
	p, ok := e.Plugin(name)
	block := e.block(name)
	if !ok || block == nil || p.Launch.Mode != LaunchExec {
		return false
	}
	launch := block.Body().FirstMatchingBlock("launch", nil)
	if launch == nil {
		return false
	}
	command := append([]string{program}, p.Launch.Command[1:]...)
	launch.Body().SetAttributeValue("command", texts(command))
	launch.Body().SetAttributeValue("checksum", cty.StringVal(checksum))
	return true
}

func (e *Edit) block(name string) *hclwrite.Block {
	return e.file.Body().FirstMatchingBlock("plugin", []string{name})
}

func texts(list []string) cty.Value {
	var values []cty.Value
	for _, text := range list {
		values = append(values, cty.StringVal(text))
	}
	return cty.TupleVal(values)
}

// Save checks the changed text, keeps the file as it was as path+".bak", and puts the new one in its place in one step with the
// same owner and mode. It refuses when somebody else changed the file meanwhile. The error is Problems.
func (e *Edit) Save() (backup string, err error) {
	after := e.file.Bytes()
	if _, err := Parse(e.path, after); err != nil {
		return "", err
	}
	if present, err := os.ReadFile(e.path); err != nil || !bytes.Equal(present, e.before) {
		return "", Problems{{File: e.path, Message: "The file was changed by somebody else meanwhile.", Hint: "Run the command again."}}
	}
	path, err := filepath.EvalSymlinks(e.path) // a link stays a link
	if err != nil {
		return "", Problems{{File: e.path, Message: "The file cannot be found: " + reason(err) + "."}}
	}
	info, err := os.Stat(path)
	if err == nil {
		backup = path + ".bak"
		err = replace(backup, e.before, info)
	}
	if err == nil {
		err = replace(path, after, info)
	}
	if err != nil {
		return "", Problems{{File: e.path, Message: "The file cannot be written: " + reason(err) + ".", Hint: "Run the command as the file's owner."}}
	}
	return backup, nil
}

// replace puts a file with the owner and mode of like in place, whole or not at all.
func replace(path string, data []byte, like fs.FileInfo) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".left4me-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone after the rename
	_, err = file.Write(data)
	if owner, ok := like.Sys().(*syscall.Stat_t); ok && err == nil && os.Geteuid() == 0 {
		err = file.Chown(int(owner.Uid), int(owner.Gid))
	}
	if err = errors.Join(err, file.Chmod(like.Mode().Perm()), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return os.Rename(file.Name(), path)
}
