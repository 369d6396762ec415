package kernel

import (
	"context"
	"errors"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
)

// repair puts right what a process that died has left, and leaves alone what others are at. Mounts of
// servers and staging trees stay as they are: the calls to come adopt them.
func (e *engine) repair(ctx context.Context) error {
	return errors.Join(
		e.each(e.root.Builds, func(build string, dir *beneath.Dir) error { return e.repairBuild(ctx, build, dir) }),
		e.each(e.root.Servers, e.repairServer),
		e.root.Repair(),
	)
}

func (e *engine) repairBuild(ctx context.Context, build string, dir *beneath.Dir) error {
	if !dir.TryLock() {
		return nil
	}
	if err := e.endMapped(dir); err != nil {
		return err
	}
	s := buildSubject(dir, build)
	stage, found, err := disk.ReadStage(dir)
	if err != nil {
		return err
	}
	if !found { // it died while it made the directories
		return e.discard(ctx, s)
	}
	if stage.Target.IsZero() {
		return nil
	}
	if _, done, err := e.committed(build, stage.Target); err != nil || !done {
		return err
	}
	return e.discard(ctx, s)
}

// repairServer removes what an ended mount left in the work directory.
func (e *engine) repairServer(server string, dir *beneath.Dir) error {
	if !dir.TryLock() {
		return nil
	}
	state, err := disk.ReadState(dir)
	if err != nil || state.Detached != "" {
		return err
	}
	_, mounted, err := overlayfs.At(dir, treeName)
	if err != nil || mounted {
		return err
	}
	return serverSubject(dir, server).clearWork()
}
