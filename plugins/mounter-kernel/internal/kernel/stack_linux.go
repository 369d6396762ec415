package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Mount implements mounter.Stacker.
func (m *Mounter) Mount(ctx context.Context, server string, lowers []mounter.Layer) (mounter.Mount, bool, error) {
	e, err := m.engine()
	if err != nil {
		return mounter.Mount{}, false, err
	}
	if err := errors.Join(disk.CheckID("server", server), e.checkLowers(lowers)); err != nil {
		return mounter.Mount{}, false, err
	}
	release, err := e.root.Guard(ctx, false)
	if err != nil {
		return mounter.Mount{}, false, err
	}
	defer release()
	dir, err := lockSubject(ctx, e.root.Servers, server, true)
	if err != nil {
		return mounter.Mount{}, false, err
	}
	defer dir.Close()
	out, existed, err := e.mountServer(ctx, serverSubject(dir, server), lowers)
	return out, existed, diskFull(err)
}

func serverSubject(dir *beneath.Dir, server string) subject {
	return subject{dir: dir, kind: "server", id: server, source: serverSource(server)}
}

func (e *engine) checkLowers(lowers []mounter.Layer) error {
	if len(lowers) == 0 {
		return sdk.Errorf(sdk.CodeInvalid, "A server needs at least one layer.").WithHint("Give it a release of the game.")
	}
	if len(lowers) > e.limits.MaxLayers {
		return sdk.Errorf(sdk.CodeInvalid, "%d layers are more than the limit of %d.", len(lowers), e.limits.MaxLayers).
			WithHint("Use fewer overlays, or ask the operator to raise max_layers (at most 500).")
	}
	seen := make(map[mounter.Layer]bool, len(lowers))
	for _, l := range lowers {
		if err := disk.CheckLayer(l); err != nil {
			return err
		}
		if seen[l] {
			return sdk.Errorf(sdk.CodeInvalid, "%s is in the stack twice.", l).WithHint("Name each overlay once.")
		}
		seen[l] = true
	}
	return nil
}

func (e *engine) serverPath(server string) string {
	return filepath.Join(e.root.Path, "servers", server, treeName)
}

func (e *engine) mountServer(ctx context.Context, s subject, lowers []mounter.Layer) (mounter.Mount, bool, error) {
	want := mounter.Mount{Server: s.id, Fingerprint: fingerprint(lowers), Path: e.serverPath(s.id), Lowers: lowers}
	state, err := disk.ReadState(s.dir)
	if err != nil {
		return mounter.Mount{}, false, err
	}
	info, mounted, err := overlayfs.At(s.dir, treeName)
	if err != nil {
		return mounter.Mount{}, false, err
	}
	if mounted {
		return want, true, e.adopt(s, info, state, want)
	}
	if state.Detached != "" {
		if err := e.released(ctx, s, "mount", state.Detached); err != nil {
			return mounter.Mount{}, false, err
		}
	}
	if err := e.stackServer(ctx, s, state, want); err != nil {
		return mounter.Mount{}, false, err
	}
	if len(lowers) > e.limits.WarnLayers {
		e.logger.Warn("many layers make looking for absent files slow", "server", s.id, "layers", len(lowers))
		want.Notes = []string{fmt.Sprintf("%d layers are many: the game looks for each file in every one of them. Fewer than %d start faster.",
			len(lowers), e.limits.WarnLayers+1)}
	}
	return want, false, nil
}

// adopt accepts a mount that is there, if it is the one asked for.
func (e *engine) adopt(s subject, info overlayfs.Info, state disk.State, want mounter.Mount) error {
	if !s.owns(info) {
		err := s.foreign(info)
		if fault, is := errors.AsType[*sdk.Error](err); is {
			fault.Code = sdk.CodeConflict
		}
		return err
	}
	if info.Source != s.source+want.Fingerprint {
		return sdk.Errorf(sdk.CodeConflict, "Server %q is mounted with other layers.", s.id).
			WithHint("Stop it first; the new layers are taken up at the next start.")
	}
	if state.Fingerprint == want.Fingerprint {
		return nil
	}
	state.Fingerprint, state.Lowers = want.Fingerprint, want.Lowers
	return disk.WriteState(s.dir, state)
}

func (e *engine) stackServer(ctx context.Context, s subject, state disk.State, want mounter.Mount) error {
	st := &stack{Stack: overlayfs.Stack{Source: s.source + want.Fingerprint}}
	defer st.close()
	for _, l := range want.Lowers { // before anything is made: a missing layer is the likely failure
		fd, err := st.add(e.root.Layer(l))
		if err != nil {
			return err
		}
		st.Lowers = append(st.Lowers, fd)
	}
	before := state
	state.Detached = ""
	err := e.makeServer(ctx, s, &state)
	if err != nil {
		return err
	}
	if st.Upper, err = st.add(s.dir.OpenRef(upperName)); err != nil {
		return err
	}
	if st.Work, err = st.add(s.dir.OpenRef(workName)); err != nil {
		return err
	}
	if st.Target, err = st.add(s.dir.OpenRef(treeName)); err != nil {
		return err
	}
	state.Fingerprint, state.Lowers = want.Fingerprint, want.Lowers
	if !before.Equal(state) { // writing to the disk takes longer than all the rest
		if err := disk.WriteState(s.dir, state); err != nil {
			return err
		}
	}
	return e.mount(ctx, s, st)
}

// makeServer makes the directories of a server as far as they are missing, and looks at an upper that
// was there.
func (e *engine) makeServer(ctx context.Context, s subject, state *disk.State) error {
	made, err := s.dir.Mkdir(upperName, 0o755)
	if err != nil {
		return err
	}
	if made {
		o := e.root.Owners()
		if err := s.dir.Chown(upperName, o.GameUID, o.GameGID); err != nil {
			return err
		}
	}
	if err := e.checkUpper(ctx, s, state.OwnUpper || made); err != nil {
		return err
	}
	state.OwnUpper = true
	if _, err := s.dir.Mkdir(workName, 0o700); err != nil {
		return err
	}
	if err := s.clearWork(); err != nil {
		return err
	}
	_, err = s.dir.Mkdir(treeName, 0o755)
	return err
}

// Unmount implements mounter.Stacker.
func (m *Mounter) Unmount(ctx context.Context, server string, lazy bool) (bool, error) {
	e, err := m.engine()
	if err != nil {
		return false, err
	}
	if err := disk.CheckID("server", server); err != nil {
		return false, err
	}
	dir, err := lockSubject(ctx, e.root.Servers, server, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	s := serverSubject(dir, server)
	if lazy {
		return s.force(ctx)
	}
	device, err := s.unmount(ctx)
	if err != nil || device == "" {
		return false, err
	}
	return true, s.clearWork()
}

// force unmounts, and takes the mount out of sight if it is busy. The state remembers that its file
// system may live on, because its upper must not be mounted again meanwhile.
func (s subject) force(ctx context.Context) (bool, error) {
	info, found, err := overlayfs.At(s.dir, treeName)
	if err != nil || !found {
		return false, err
	}
	if !s.owns(info) {
		return false, s.foreign(info)
	}
	state, err := disk.ReadState(s.dir)
	if err != nil {
		return false, err
	}
	state.Detached = info.Device
	if err := disk.WriteState(s.dir, state); err != nil {
		return false, err
	}
	if err := overlayfs.Detach(s.dir, treeName); err != nil && !errors.Is(err, unix.EINVAL) {
		return false, fmt.Errorf("detach %s/%s: %w", s.dir.Name(), treeName, err)
	}
	return true, ctx.Err()
}

// Mounts implements mounter.Stacker.
func (m *Mounter) Mounts(context.Context) ([]mounter.Mount, error) {
	e, err := m.engine()
	if err != nil {
		return nil, err
	}
	return e.mounts()
}

func (e *engine) mounts() ([]mounter.Mount, error) {
	table, err := overlayfs.ReadMounts()
	if err != nil {
		return nil, err
	}
	servers := filepath.Join(e.root.Path, "servers")
	found := map[string]mounter.Mount{} // the last one on a tree hides those before it
	for _, info := range table {
		dir, name := filepath.Split(info.Point)
		server := filepath.Base(dir)
		if name != treeName || filepath.Dir(filepath.Clean(dir)) != servers || !mounter.ValidID(server) {
			continue
		}
		found[server] = e.describeMount(server, info)
	}
	out := make([]mounter.Mount, 0, len(found))
	for _, mount := range found {
		out = append(out, mount)
	}
	slices.SortFunc(out, func(a, b mounter.Mount) int {
		if a.Server < b.Server {
			return -1
		}
		return 1
	})
	return out, nil
}

func (e *engine) describeMount(server string, info overlayfs.Info) mounter.Mount {
	out := mounter.Mount{Server: server, Path: info.Point}
	s := subject{source: serverSource(server)}
	if !s.owns(info) {
		out.Foreign = true
		return out
	}
	out.Fingerprint = info.Source[len(s.source):]
	dir, err := e.root.Servers.Open(server)
	if err != nil {
		return out
	}
	defer dir.Close()
	if state, err := disk.ReadState(dir); err == nil && state.Fingerprint == out.Fingerprint {
		out.Lowers = state.Lowers
	}
	return out
}
