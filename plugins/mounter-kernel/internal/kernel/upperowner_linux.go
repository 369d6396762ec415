package kernel

import (
	"context"
	"io/fs"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/sdk/mounter"
)

// claimDirs makes the directories of the base the builder's own, in the upper. A program such as tar
// sets mode and time of directories that are there, which only their owner can.
func (e *engine) claimDirs(ctx context.Context, s subject) error {
	tree, err := s.dir.OpenMount(treeName, false)
	if err != nil {
		return err
	}
	defer tree.Close()
	o := e.root.Owners()
	return eachDir(ctx, tree, func(parent *beneath.Dir, name string) error {
		return parent.Chown(name, o.StagingUID, o.StagingGID)
	})
}

// eachDir calls visit for every directory below dir, parents first.
func eachDir(ctx context.Context, dir *beneath.Dir, visit func(parent *beneath.Dir, name string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := dir.Entries()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := visit(dir, entry.Name()); err != nil {
			return err
		}
		if err := inDir(dir, entry.Name(), func(sub *beneath.Dir) error { return eachDir(ctx, sub, visit) }); err != nil {
			return err
		}
	}
	return nil
}

func inDir(parent *beneath.Dir, name string, do func(*beneath.Dir) error) error {
	sub, err := parent.Open(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	return do(sub)
}

// giveBack makes everything in the upper the builder's again, after a commit that did not end had
// begun to give it to the game.
func (e *engine) giveBack(ctx context.Context, s subject, stage disk.Stage) error {
	o := e.root.Owners()
	give := func(parent *beneath.Dir, name string) error { return parent.Chown(name, o.StagingUID, o.StagingGID) }
	err := e.inUpper(s.dir, func(upper *beneath.Dir) error {
		visit := func(dir *beneath.Dir) error { return giveEntries(dir, give) }
		if err := visit(upper); err != nil {
			return err
		}
		return eachDir(ctx, upper, func(parent *beneath.Dir, name string) error { return inDir(parent, name, visit) })
	})
	if err != nil {
		return err
	}
	stage.Target = mounter.Layer{}
	return disk.WriteStage(s.dir, stage)
}

func giveEntries(dir *beneath.Dir, give func(*beneath.Dir, string) error) error {
	entries, err := dir.Entries()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Type()&fs.ModeCharDevice != 0 {
			continue // a deletion
		}
		if err := give(dir, entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) inUpper(build *beneath.Dir, do func(upper *beneath.Dir) error) error {
	return inDir(build, privateName, func(private *beneath.Dir) error { return inDir(private, upperName, do) })
}
