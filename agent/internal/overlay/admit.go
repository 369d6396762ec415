package overlay

import (
	"context"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// takeStock lists the add-ons of a revision that was just committed. A builder that promised one which is not there
// has failed: no server may start over that.
func (b *build) takeStock(ctx context.Context, layer content.Layer) error {
	files, err := b.addons.Files(ctx, layer)
	if err != nil {
		return err
	}
	promised := addon.Expect(nil, b.outcome.Annotations)
	if missing := addon.Lacking(files, promised); len(missing) > 0 {
		return fault.New(fault.Invalid, "The builder says that it made %s in %s, which is not there.", addon.Enumerate(missing), addon.Dir).
			WithHint("Build again; if it stays like this, report it to the author of the plugin.")
	}
	b.revision.Addons = files
	return nil
}

// Complete refuses a revision that lacks an add-on it was committed with, or that its builder promised: the game skips
// missing files without a word. Precondition: something is missing.
func Complete(ctx context.Context, addons addon.Source, o Overlay, revision Revision) error {
	missing, err := addon.Missing(ctx, addons, revision.Layer(), addon.Expect(revision.Addons, revision.Annotations))
	if err != nil || len(missing) == 0 {
		return err
	}
	return fault.New(fault.Precondition, "Overlay %q lacks %d of its files in %s: %s.", o.Name, len(missing), addon.Dir, addon.Enumerate(missing)).
		WithHint("Something changed the content on disk. Build it anew: left4me overlay wipe %s", o.Name)
}
