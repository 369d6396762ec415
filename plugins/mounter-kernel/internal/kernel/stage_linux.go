package kernel

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/idmap"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Directories of a build, beside its tree. The upper is in one that only the mounter enters.
const (
	privateName = "private"
	upperName   = "upper"
	workName    = "work"
	baseName    = "base" // where a base with exchanged owners is attached for a moment
)

// treeMode lets all users of the staging group build.
const treeMode = 0o775

// Stage implements mounter.Stager.
func (m *Mounter) Stage(ctx context.Context, build string, base mounter.Layer) (mounter.Staging, error) {
	e, err := m.engine()
	if err != nil {
		return mounter.Staging{}, err
	}
	if err := disk.CheckID("build", build); err != nil {
		return mounter.Staging{}, err
	}
	if !base.IsZero() {
		if err := disk.CheckLayer(base); err != nil {
			return mounter.Staging{}, err
		}
	}
	out, err := e.stage(ctx, build, base)
	return out, diskFull(err)
}

func (e *engine) stage(ctx context.Context, build string, base mounter.Layer) (mounter.Staging, error) {
	release, err := e.root.Guard(ctx, false)
	if err != nil {
		return mounter.Staging{}, err
	}
	defer release()
	if !base.IsZero() { // before anything is made
		fd, err := e.root.Layer(base)
		if err != nil {
			return mounter.Staging{}, err
		}
		unix.Close(fd)
	}
	dir, err := lockSubject(ctx, e.root.Builds, build, true)
	if err != nil {
		return mounter.Staging{}, err
	}
	defer dir.Close()
	s := buildSubject(dir, build)
	stage, found, err := e.openStage(ctx, s)
	if err != nil {
		return mounter.Staging{}, err
	}
	if found && stage.Base != base {
		return mounter.Staging{}, sdk.Errorf(sdk.CodeConflict, "Build %q is staged from %s already.", build, baseText(stage.Base)).
			WithHint("Discard it first, or stage under another id.")
	}
	if err := e.ensureStage(ctx, s, disk.Stage{Base: base, Target: stage.Target}, found); err != nil {
		return mounter.Staging{}, err
	}
	return mounter.Staging{Path: filepath.Join(e.root.Path, "builds", build, treeName), Resumed: found}, nil
}

// openStage reads what is known of a build. What an ended commit left is emptied first: its files are
// part of a revision now.
func (e *engine) openStage(ctx context.Context, s subject) (stage disk.Stage, found bool, err error) {
	stage, found, err = disk.ReadStage(s.dir)
	if err != nil || stage.Target.IsZero() {
		return stage, found, err
	}
	_, done, err := e.committed(s.id, stage.Target)
	if err != nil || !done {
		return stage, found, err
	}
	if err := s.drop(ctx); err != nil {
		return disk.Stage{}, false, err
	}
	for _, name := range []string{privateName, workName} {
		if _, err := disk.Remove(s.dir, name); err != nil {
			return disk.Stage{}, false, err
		}
	}
	return disk.Stage{}, false, nil
}

func baseText(base mounter.Layer) string {
	if base.IsZero() {
		return "nothing"
	}
	return base.String()
}

func buildSubject(dir *beneath.Dir, build string) subject {
	return subject{dir: dir, kind: "build", id: build, source: buildSource(build)}
}

// ensureStage makes directories and mount of a build as far as they are missing.
func (e *engine) ensureStage(ctx context.Context, s subject, stage disk.Stage, found bool) error {
	info, mounted, err := overlayfs.At(s.dir, treeName)
	if err != nil {
		return err
	}
	if mounted {
		if s.owns(info) {
			return nil
		}
		return s.foreign(info)
	}
	if found {
		if err := e.released(ctx, s, "mount", ""); err != nil {
			return err
		}
	}
	if err := e.makeStage(s.dir); err != nil {
		return err
	}
	if !found {
		if err := disk.WriteStage(s.dir, stage); err != nil {
			return err
		}
	}
	if !stage.Target.IsZero() {
		if err := e.giveBack(ctx, s, stage); err != nil {
			return err
		}
	}
	if err := e.endMapped(s.dir); err != nil {
		return err
	}
	return e.mountStage(ctx, s, stage.Base)
}

func (e *engine) makeStage(dir *beneath.Dir) error {
	private, err := dir.Ensure(privateName, 0o700)
	if err != nil {
		return err
	}
	defer private.Close()
	made, err := private.Mkdir(upperName, treeMode)
	if err != nil {
		return err
	}
	if made {
		o := e.root.Owners()
		if err := private.Chown(upperName, o.StagingUID, o.StagingGID); err != nil {
			return err
		}
	}
	for _, name := range []string{treeName, baseName} {
		if _, err := dir.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	_, err = dir.Mkdir(workName, 0o700)
	return err
}

// endMapped takes away an attached base that a process left when it died.
func (e *engine) endMapped(dir *beneath.Dir) error {
	for {
		_, found, err := overlayfs.At(dir, baseName)
		if err != nil || !found {
			return err
		}
		if err := overlayfs.Detach(dir, baseName); err != nil {
			return fmt.Errorf("unmount %s/%s: %w", dir.Name(), baseName, err)
		}
	}
}

func (e *engine) mountStage(ctx context.Context, s subject, base mounter.Layer) error {
	st := &stack{Stack: overlayfs.Stack{Source: s.source + fingerprint([]mounter.Layer{base})}}
	defer st.close()
	err := errors.Join(e.addUpper(st, s.dir), e.addBase(st, s.dir, base))
	if err == nil {
		err = e.mount(ctx, s, st)
	}
	err = errors.Join(err, e.endMapped(s.dir))
	if err != nil || base.IsZero() || e.owners.how != ownersByGroup {
		return err
	}
	return e.claimDirs(ctx, s)
}

func (e *engine) addUpper(st *stack, dir *beneath.Dir) (err error) {
	private, err := dir.OpenPath(privateName)
	if err != nil {
		return err
	}
	defer private.Close()
	if st.Upper, err = st.add(private.OpenRef(upperName)); err != nil {
		return err
	}
	if st.Work, err = st.add(dir.OpenRef(workName)); err != nil {
		return err
	}
	st.Target, err = st.add(dir.OpenRef(treeName))
	return err
}

// addBase adds the base, with owners exchanged if that is how builders get at it.
func (e *engine) addBase(st *stack, dir *beneath.Dir, base mounter.Layer) error {
	open := func() (int, error) { return e.root.Layer(base) }
	if base.IsZero() {
		open = e.root.Empty
	}
	lower, err := st.add(open())
	if err != nil {
		return err
	}
	if !base.IsZero() && e.owners.how == ownersByIDMap {
		target, err := st.add(dir.OpenRef(baseName))
		if err != nil {
			return err
		}
		fd, err := idmap.Attach(lower, target, e.owners.namespace)
		if err != nil {
			return fmt.Errorf("show %s to the builder: %w", base, err)
		}
		if lower, err = st.add(fd, nil); err != nil {
			return err
		}
	}
	st.Lowers = []int{lower}
	return nil
}
