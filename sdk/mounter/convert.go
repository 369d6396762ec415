package mounter

import (
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/wire"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
)

// layerToProto returns nil for the zero Layer.
func layerToProto(l Layer) *mounterv1.Layer {
	switch {
	case l.Release != "":
		return &mounterv1.Layer{Layer: &mounterv1.Layer_Release{Release: l.Release}}
	case l.Overlay != "" || l.Revision != "":
		return &mounterv1.Layer{Layer: &mounterv1.Layer_Revision{Revision: revision(l)}}
	}
	return nil
}

func revision(l Layer) *mounterv1.Revision {
	return &mounterv1.Revision{Overlay: l.Overlay, Revision: l.Revision}
}

func layerFromProto(p *mounterv1.Layer) Layer {
	if r := p.GetRevision(); r != nil {
		return Layer{Overlay: r.GetOverlay(), Revision: r.GetRevision()}
	}
	return Layer{Release: p.GetRelease()}
}

func layersToProto(list []Layer) []*mounterv1.Layer {
	var out []*mounterv1.Layer
	for _, l := range list {
		out = append(out, layerToProto(l))
	}
	return out
}

func layersFromProto(list []*mounterv1.Layer) []Layer {
	var out []Layer
	for _, p := range list {
		out = append(out, layerFromProto(p))
	}
	return out
}

func refToProto(r Ref) *mounterv1.Content {
	switch {
	case r.Server != "":
		return &mounterv1.Content{Content: &mounterv1.Content_Server{Server: r.Server}}
	case r.Build != "":
		return &mounterv1.Content{Content: &mounterv1.Content_Build{Build: r.Build}}
	case r.Layer.Release != "":
		return &mounterv1.Content{Content: &mounterv1.Content_Release{Release: r.Layer.Release}}
	}
	return &mounterv1.Content{Content: &mounterv1.Content_Revision{Revision: revision(r.Layer)}}
}

func refFromProto(p *mounterv1.Content) Ref {
	switch c := p.GetContent().(type) {
	case *mounterv1.Content_Server:
		return Ref{Server: c.Server}
	case *mounterv1.Content_Build:
		return Ref{Build: c.Build}
	case *mounterv1.Content_Release:
		return Ref{Layer: Layer{Release: c.Release}}
	case *mounterv1.Content_Revision:
		return Ref{Layer: Layer{Overlay: c.Revision.GetOverlay(), Revision: c.Revision.GetRevision()}}
	}
	return Ref{}
}

func usageToProto(u Usage) *mounterv1.Usage {
	return &mounterv1.Usage{Files: u.Files, Bytes: u.Bytes, SharedBytes: u.SharedBytes}
}

func usageFromProto(p *mounterv1.Usage) Usage {
	return Usage{Files: p.GetFiles(), Bytes: p.GetBytes(), SharedBytes: p.GetSharedBytes()}
}

func commitToProto(c Commit) *mounterv1.CommitResponse {
	return &mounterv1.CommitResponse{
		Usage:   usageToProto(c.Usage),
		Added:   c.Added,
		Removed: c.Removed,
		Changed: c.Changed,
		Notes:   wire.Texts(c.Notes[:min(len(c.Notes), MaxNotes)], wire.ErrorText),
		Existed: c.Existed,
	}
}

func commitFromProto(p *mounterv1.CommitResponse) Commit {
	return Commit{
		Usage:   usageFromProto(p.GetUsage()),
		Added:   p.GetAdded(),
		Removed: p.GetRemoved(),
		Changed: p.GetChanged(),
		Notes:   wire.Texts(p.GetNotes(), wire.ErrorText),
		Existed: p.GetExisted(),
	}
}

func mountToProto(m Mount) *mounterv1.Mount {
	return &mounterv1.Mount{
		Server:      m.Server,
		Fingerprint: m.Fingerprint,
		Path:        wire.Text(m.Path, wire.LongText),
		Foreign:     m.Foreign,
		Lowers:      layersToProto(m.Lowers),
	}
}

func mountFromProto(p *mounterv1.Mount) Mount {
	return Mount{
		Server:      p.GetServer(),
		Fingerprint: p.GetFingerprint(),
		Path:        p.GetPath(),
		Foreign:     p.GetForeign(),
		Lowers:      layersFromProto(p.GetLowers()),
	}
}

func filesToProto(files []File) []*mounterv1.File {
	var out []*mounterv1.File
	for _, f := range files {
		out = append(out, &mounterv1.File{Path: f.Path, Data: f.Data, Secret: f.Secret})
	}
	return out
}

func filesFromProto(files []*mounterv1.File) []File {
	var out []File
	for _, f := range files {
		out = append(out, File{Path: f.GetPath(), Data: f.GetData(), Secret: f.GetSecret()})
	}
	return out
}

func eventToProto(e Event) mounterv1.WatchMountsResponse_Event {
	switch e {
	case EventCurrent:
		return mounterv1.WatchMountsResponse_EVENT_CURRENT
	case EventAppeared:
		return mounterv1.WatchMountsResponse_EVENT_APPEARED
	case EventGone:
		return mounterv1.WatchMountsResponse_EVENT_GONE
	}
	return mounterv1.WatchMountsResponse_EVENT_UNSPECIFIED
}

func eventFromProto(p mounterv1.WatchMountsResponse_Event) (Event, error) {
	switch p {
	case mounterv1.WatchMountsResponse_EVENT_CURRENT:
		return EventCurrent, nil
	case mounterv1.WatchMountsResponse_EVENT_APPEARED:
		return EventAppeared, nil
	case mounterv1.WatchMountsResponse_EVENT_GONE:
		return EventGone, nil
	}
	return "", sdk.Broken("mount event %d is unknown", p)
}

func changeToProto(c Change) *mounterv1.DiffResponse {
	kind := mounterv1.DiffResponse_CHANGE_UNSPECIFIED
	switch c.Kind {
	case Added:
		kind = mounterv1.DiffResponse_CHANGE_ADDED
	case Removed:
		kind = mounterv1.DiffResponse_CHANGE_REMOVED
	case Changed:
		kind = mounterv1.DiffResponse_CHANGE_CHANGED
	}
	return &mounterv1.DiffResponse{Change: kind, Path: wire.Text(c.Path, wire.LongText), Size: c.Size}
}

func changeFromProto(p *mounterv1.DiffResponse) (Change, error) {
	c := Change{Path: p.GetPath(), Size: p.GetSize()}
	switch p.GetChange() {
	case mounterv1.DiffResponse_CHANGE_ADDED:
		c.Kind = Added
	case mounterv1.DiffResponse_CHANGE_REMOVED:
		c.Kind = Removed
	case mounterv1.DiffResponse_CHANGE_CHANGED:
		c.Kind = Changed
	default:
		return Change{}, sdk.Broken("change %d is unknown", p.GetChange())
	}
	return c, nil
}
