package overlay

import (
	"context"
	"fmt"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// withinQuota runs work and cancels it when what it has written is more than the mounter would admit.
// Otherwise a builder of any kind could fill the disk for everybody before its result is looked at.
func (b *build) withinQuota(ctx context.Context, work func(context.Context) error) error {
	limits, err := b.disk.Limits(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		b.watchQuota(ctx, limits, cancel)
	}()
	err = work(ctx)
	cancel(nil)
	<-watched
	if cause, is := fault.Of(context.Cause(ctx)); is {
		return cause
	}
	return err
}

func (b *build) watchQuota(ctx context.Context, limits content.Limits, cancel context.CancelCauseFunc) {
	pause := b.quota
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		begin := time.Now()
		usage, err := b.disk.Usage(ctx, content.Ref{Build: b.id})
		if err != nil {
			continue // the builder's own failure, or the mounter's, is told by the build itself
		}
		if excess := over(usage, limits); excess != "" {
			cancel(fault.New(fault.Invalid, "The build was stopped: it wrote more than %s.", excess).
				WithHint("Let it write less, or ask the operator for higher limits of the mounter."))
			return
		}
		// Looking must not cost more than a tenth of the disk's time.
		pause = max(b.quota, 10*time.Since(begin))
	}
}

func over(usage content.Usage, limits content.Limits) string {
	switch {
	case limits.Bytes > 0 && usage.Bytes > limits.Bytes:
		return size(limits.Bytes)
	case limits.Files > 0 && usage.Files > limits.Files:
		return fmt.Sprintf("%d files", limits.Files)
	}
	return ""
}

// size gives a number of bytes a form for people.
func size(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.4g %s", value, units[unit])
}
