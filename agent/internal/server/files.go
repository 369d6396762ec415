package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/merged"
)

// MaxText is the largest file that can be edited, in bytes.
const MaxText = 1 << 20

// Directory is one directory of a server's files.
type Directory struct {
	Items []merged.Item
	// Generated are the paths that each start writes anew.
	Generated []string
	// Started: the layers are those of the present run. Otherwise they are what a start would take now.
	Started bool
	// Missing names overlays that a start would have to build first.
	Missing []string
}

// stack is what a server's files are made of.
type stack struct {
	merged.Stack
	server  Server
	started bool
	missing []string
}

func (m *Manager) stack(ctx context.Context, name string) (stack, error) {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return stack{}, err
	}
	out := stack{Stack: merged.Stack{Disk: m.Files, Server: s.ID}, server: s}
	if m.Files == nil {
		return out, fault.New(fault.Unavailable, "The agent was made without a way to look at files.")
	}
	if state, _ := m.tracker.state(s); state != Offline && len(s.Layers) > 0 {
		out.started = true
		views, err := m.layers(ctx, s)
		for _, v := range views {
			out.Layers = append(out.Layers, merged.Layer{Label: layerLabel(v.Name, v.Layer), Layer: v.Layer})
		}
		return out, err
	}
	made, err := m.Store.BlueprintByID(ctx, s.Blueprint)
	if err != nil {
		return out, err
	}
	for _, id := range made.Overlays {
		o, err := m.Store.OverlayByID(ctx, id)
		if err != nil {
			return out, err
		}
		if o.Revision == "" {
			out.missing = append(out.missing, o.Name)
			continue
		}
		layer := content.Layer{Overlay: o.ID, Revision: o.Revision}
		out.Layers = append(out.Layers, merged.Layer{Label: layerLabel(o.Name, layer), Layer: layer})
	}
	release, err := wantedRelease(ctx, m.Store, s)
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	out.Layers = append(out.Layers, merged.Layer{Label: merged.Game, Layer: release})
	return out, err
}

func layerLabel(overlay string, layer content.Layer) string {
	if layer.Release != "" {
		return merged.Game
	}
	return "overlay/" + overlay
}

// generated are the paths that each start writes anew.
func (s stack) generated() []string {
	out := []string{addon.ListFile}
	for _, file := range blueprint.Resolve(blueprint.Blueprint{Settings: blueprint.Settings{MOTD: "x"}}, nil, content.Layer{}, blueprint.Instance{}).Files {
		out = append(out, file.Path)
	}
	for _, layer := range s.Layers {
		if name, is := strings.CutPrefix(layer.Label, "overlay/"); is {
			out = append(out, ownConfig(name))
		}
	}
	return out
}

// ListFiles lists one directory as the game sees it.
func (m *Manager) ListFiles(ctx context.Context, name, path string) (Directory, error) {
	s, err := m.stack(ctx, name)
	if err != nil {
		return Directory{}, err
	}
	items, err := s.List(ctx, path)
	return Directory{Items: items, Generated: s.generated(), Started: s.started, Missing: s.missing}, err
}

// OpenFile opens a file as the game sees it, or that of one layer. The server's RCON password is never read.
func (m *Manager) OpenFile(ctx context.Context, name, path, layer string) (*merged.File, error) {
	s, err := m.stack(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, path, layer, s.server.RCONPassword)
}

// PutFile writes a text file, which becomes the server's own: layers stay as they are. was is the hexadecimal SHA-256 of
// what the person saw, as OpenFile shows it; Conflict when that has changed. "" asks nothing. A game that runs reads it
// when it wants to.
func (m *Manager) PutFile(ctx context.Context, actor, name, path, was string, text []byte) error {
	if err := checkFile(text); err != nil {
		return err
	}
	s, err := m.changeable(ctx, name, path)
	if err != nil {
		return err
	}
	item, err := s.Find(ctx, path)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && !item.Deleted && item.Kind != "file" {
		return fault.New(fault.Conflict, "%.200q is a %s, which text cannot replace.", path, item.Kind).WithField("path").WithHint("Reset it first, or use another name.")
	}
	if was != "" {
		if err := s.unchanged(ctx, path, was); err != nil {
			return err
		}
	}
	if err := m.Trees.WriteFiles(ctx, s.server.ID, []content.File{{Path: path, Data: text}}); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.file_written", s.server, actor, fmt.Sprintf("File %q was written, %d bytes.", path, len(text))))
	})
}

func checkFile(text []byte) error {
	switch {
	case len(text) > MaxText:
		return fault.New(fault.Invalid, "The file is larger than %d bytes.", MaxText).WithHint("Larger files belong in an overlay.")
	case !utf8.Valid(text) || slices.Contains(text, 0):
		return fault.New(fault.Invalid, "The file is not text in UTF-8.").WithHint("Other files belong in an overlay.")
	}
	return nil
}

// changeable refuses paths that are written anew at each start.
func (m *Manager) changeable(ctx context.Context, name, path string) (stack, error) {
	s, err := m.stack(ctx, name)
	if err == nil {
		err = merged.CheckPath(path)
	}
	if err == nil && slices.Contains(s.generated(), path) {
		err = fault.New(fault.Precondition, "%q is written anew at each start.", path).WithField("path").
			WithHint("Change the blueprint's settings and lines instead.")
	}
	return s, err
}

// unchanged compares what is there now with what a person saw.
func (s stack) unchanged(ctx context.Context, path, was string) error {
	changed := fault.New(fault.Conflict, "%.200q was changed meanwhile.", path).WithHint("Open it again and put your change in.")
	file, err := s.Open(ctx, path, "", s.server.RCONPassword)
	if fault.Is(err, fault.NotFound) || err == nil && file.Size > MaxText {
		return changed
	}
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != was {
		return changed
	}
	return nil
}

// ResetPath throws away what the server itself has at a path, so that the layers below show again. NotFound: it has
// nothing there. Precondition: it runs.
func (m *Manager) ResetPath(ctx context.Context, actor, name, path string) error {
	if err := merged.CheckPath(path); err != nil {
		return err
	}
	s, err := m.stack(ctx, name)
	if err != nil {
		return err
	}
	if err := m.checkStopped(s.server, "reset files of"); err != nil {
		return err
	}
	existed, err := m.Files.RemovePath(ctx, s.server.ID, path)
	if err != nil {
		return err
	}
	if !existed {
		return fault.New(fault.NotFound, "The server wrote nothing at %.200q.", path).WithField("path").
			WithHint("A directory above it may be deleted or new; reset that one.")
	}
	return m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.file_reset", s.server, actor, fmt.Sprintf("What the server had at %q was thrown away.", path)))
	})
}

// Collisions lists the files that several overlays of a server have.
func (m *Manager) Collisions(ctx context.Context, name string) (merged.Collisions, error) {
	s, err := m.stack(ctx, name)
	if err != nil {
		return merged.Collisions{}, err
	}
	return m.collider.Look(ctx, s.Layers)
}
