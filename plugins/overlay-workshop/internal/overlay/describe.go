package overlay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/about"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/persona"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/preview"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// bodyPatience is how long the bytes of one preview may take.
const bodyPatience = 20 * time.Second

// ask sets up who is asked about names and pictures. Profile pages may redirect within their own host and nowhere else.
func (e *engine) ask(settings PluginSettings, times durations, profiles *url.URL) {
	e.patience = times.describeWait
	if settings.AuthorNames {
		policy := transport.Policy{Hosts: []string{profiles.Hostname()}, Loopback: settings.AllowLoopback}
		client := policy.DownloadClient(&transport.Courtesy{Parallel: 1, Interval: times.profileInterval})
		e.personas = &persona.Client{Base: profiles, HTTP: client}
	}
	if settings.Previews {
		e.previews = &preview.Client{HTTP: e.policy.DownloadClient(e.courtesy), Policy: e.policy, Patient: bodyPatience}
	}
}

// Describe implements builder.Describer.
func (w *workshopBuilder) Describe(_ context.Context, _ string, items []string) ([]builder.Description, error) {
	present, err := w.present()
	if err != nil {
		return nil, err
	}
	return present.about.Describe(items), nil
}

// Picture implements builder.Describer.
func (w *workshopBuilder) Picture(_ context.Context, _, item string) ([]byte, error) {
	present, err := w.present()
	if err != nil {
		return nil, err
	}
	data, err := present.about.Picture(item)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sdk.Errorf(sdk.CodeNotFound, "There is no picture of item %.20q.", item)
	}
	return data, err
}

// describing fetches names and pictures beside a build. Whatever becomes of it, the build is not touched.
type describing struct {
	*engine
	done     chan struct{}
	cancel   context.CancelFunc
	names    atomic.Int64
	pictures atomic.Int64
}

// describeItems begins to fetch what is not known of items, until finish or the end of ctx.
func (e *engine) describeItems(ctx context.Context, infos []workshop.Item) *describing {
	ctx, cancel := context.WithCancel(ctx)
	d := &describing{engine: e, done: make(chan struct{}), cancel: cancel}
	work := e.about.See(infos, time.Now())
	if e.personas == nil {
		e.about.Leave(work.Accounts...)
		work.Accounts = nil
	}
	if e.previews == nil {
		for _, one := range work.Previews {
			e.about.Leave(one.Item)
		}
		work.Previews = nil
	}
	go func() {
		defer close(d.done)
		var group sync.WaitGroup
		group.Go(func() { d.askNames(ctx, work.Accounts) })
		queue := make(chan about.Preview)
		for range min(cap(e.slots), len(work.Previews)) {
			group.Go(func() {
				for one := range queue {
					d.fetchPicture(ctx, one)
				}
			})
		}
		for _, one := range work.Previews {
			queue <- one
		}
		close(queue)
		group.Wait()
	}()
	return d
}

// askNames asks for one name after another. A site that asks for peace gets it.
func (d *describing) askNames(ctx context.Context, accounts []string) {
	for i, id := range accounts {
		name, err := d.personas.Name(ctx, id)
		switch {
		case err == nil:
			d.names.Add(1)
			d.about.PutName(id, name, time.Now())
		case errors.Is(err, persona.ErrNone), errors.Is(err, transport.ErrRefused):
			d.about.PutName(id, "", time.Now())
		case ctx.Err() != nil, errors.Is(err, transport.ErrBusy):
			d.about.Leave(accounts[i:]...)
			return
		default: // next time
			d.about.Leave(id)
		}
	}
}

func (d *describing) fetchPicture(ctx context.Context, one about.Preview) {
	if ctx.Err() != nil {
		d.about.Leave(one.Item)
		return
	}
	thumbnail, err := d.previews.Thumbnail(ctx, one.URL)
	switch {
	case err == nil:
		if d.about.PutPicture(one, thumbnail, time.Now()) == nil { // a full disk: next time
			d.pictures.Add(1)
		}
	case errors.Is(err, preview.ErrNone):
		_ = d.about.PutPicture(one, nil, time.Now()) // next time
	default:
		d.about.Leave(one.Item)
	}
}

// finish writes down what is known. Patient, it waits for what is on its way before, but not for ever and not beyond ctx.
func (d *describing) finish(ctx context.Context, log func(format string, args ...any), patient bool) {
	if patient {
		timer := time.NewTimer(d.patience)
		defer timer.Stop()
		select {
		case <-d.done:
		case <-timer.C:
			log("Some names and pictures are still missing; the next build goes on with them.")
		case <-ctx.Done():
		}
	}
	d.cancel()
	<-d.done
	if n, m := d.names.Load(), d.pictures.Load(); n+m > 0 {
		log("Found %s.", fmt.Sprintf("%d names of authors and %d pictures", n, m))
	}
	if err := d.about.Save(time.Now()); err != nil {
		log("Names and pictures could not be kept: %v.", err)
	}
}
