package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/left4me/left4me/agent/api"
)

// Host describes the agent and its machine.
func (c *Client) Host(ctx context.Context) (api.Host, error) {
	return get[api.Host](ctx, c, api.PathHost)
}

// Plugins lists the configured plugins.
func (c *Client) Plugins(ctx context.Context) ([]api.Plugin, error) {
	return get[[]api.Plugin](ctx, c, api.PathPlugins)
}

// Plugin returns one plugin.
func (c *Client) Plugin(ctx context.Context, name string) (api.Plugin, error) {
	return get[api.Plugin](ctx, c, api.PathPlugin, name)
}

// RestartPlugin restarts a plugin.
func (c *Client) RestartPlugin(ctx context.Context, name string) (api.Plugin, error) {
	return post[api.Plugin](ctx, c, api.PathPluginRestart, name)
}

// PluginLog returns the newest lines of a plugin's log that come after the one with a number, oldest first.
func (c *Client) PluginLog(ctx context.Context, name string, after int64) ([]api.PluginLine, error) {
	return get[[]api.PluginLine](ctx, c, withQuery(api.PathPluginLog, "after", positive(after)), name)
}

// OverlayTypes lists what overlays can be made with.
func (c *Client) OverlayTypes(ctx context.Context) ([]api.OverlayType, error) {
	return get[[]api.OverlayType](ctx, c, api.PathOverlayTypes)
}

// Overlays lists the overlays.
func (c *Client) Overlays(ctx context.Context) ([]api.Overlay, error) {
	return get[[]api.Overlay](ctx, c, api.PathOverlays)
}

// Overlay returns one overlay.
func (c *Client) Overlay(ctx context.Context, name string) (api.Overlay, error) {
	return get[api.Overlay](ctx, c, api.PathOverlay, name)
}

// CreateOverlay makes an overlay. With Build set its LastJob is the first build.
func (c *Client) CreateOverlay(ctx context.Context, in api.OverlayCreate) (api.Overlay, error) {
	return call[api.OverlayCreate, api.Overlay](ctx, c, http.MethodPost, api.PathOverlays, &in)
}

// UpdateOverlay changes the fields of an overlay that are set.
func (c *Client) UpdateOverlay(ctx context.Context, name string, in api.OverlayUpdate) (api.Overlay, error) {
	return call[api.OverlayUpdate, api.Overlay](ctx, c, http.MethodPatch, api.PathOverlay, &in, name)
}

// DeleteOverlay deletes an overlay that nothing uses.
func (c *Client) DeleteOverlay(ctx context.Context, name string) error {
	_, err := call[none, none](ctx, c, http.MethodDelete, api.PathOverlay, nil, name)
	return err
}

// BuildOverlay starts a build, or returns the one that is under way.
func (c *Client) BuildOverlay(ctx context.Context, name string, in api.OverlayBuild) (api.Job, error) {
	return call[api.OverlayBuild, api.Job](ctx, c, http.MethodPost, api.PathOverlayBuild, &in, name)
}

// Revisions lists the revisions of an overlay, newest first.
func (c *Client) Revisions(ctx context.Context, name string) ([]api.Revision, error) {
	return get[[]api.Revision](ctx, c, api.PathOverlayRevisions, name)
}

// DiffRevisions lists what differs from revision from to revision id; from "" is the one before id.
func (c *Client) DiffRevisions(ctx context.Context, name, id, from string) ([]api.FileChange, error) {
	return get[[]api.FileChange](ctx, c, withQuery(api.PathOverlayDiff, "from", from), name, id)
}

// RollbackOverlay makes an earlier revision the present one.
func (c *Client) RollbackOverlay(ctx context.Context, name, revision string) (api.Overlay, error) {
	in := api.OverlayRollback{Revision: revision}
	return call[api.OverlayRollback, api.Overlay](ctx, c, http.MethodPost, api.PathOverlayRollback, &in, name)
}

// PinRevision keeps a revision of an overlay from being removed when it is old, or lets go of it.
func (c *Client) PinRevision(ctx context.Context, name string, in api.OverlayPin) (api.Revision, error) {
	return call[api.OverlayPin, api.Revision](ctx, c, http.MethodPost, api.PathOverlayPin, &in, name)
}

// Orphans looks for content that belongs to nothing.
func (c *Client) Orphans(ctx context.Context) ([]api.Orphan, error) {
	return get[[]api.Orphan](ctx, c, api.PathContentOrphans)
}

// RemoveOrphan starts to remove content that belongs to nothing.
func (c *Client) RemoveOrphan(ctx context.Context, in api.OrphanRemove) (api.Job, error) {
	return call[api.OrphanRemove, api.Job](ctx, c, http.MethodPost, api.PathContentRemove, &in)
}

// SweepContent starts to remove what nobody needs any more.
func (c *Client) SweepContent(ctx context.Context) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathContentSweep)
}

// Blueprints lists the blueprints.
func (c *Client) Blueprints(ctx context.Context) ([]api.Blueprint, error) {
	return get[[]api.Blueprint](ctx, c, api.PathBlueprints)
}

// Blueprint returns one blueprint.
func (c *Client) Blueprint(ctx context.Context, name string) (api.Blueprint, error) {
	return get[api.Blueprint](ctx, c, api.PathBlueprint, name)
}

// CreateBlueprint makes a blueprint.
func (c *Client) CreateBlueprint(ctx context.Context, in api.BlueprintCreate) (api.Blueprint, error) {
	return call[api.BlueprintCreate, api.Blueprint](ctx, c, http.MethodPost, api.PathBlueprints, &in)
}

// UpdateBlueprint changes the fields of a blueprint that are set.
func (c *Client) UpdateBlueprint(ctx context.Context, name string, in api.BlueprintUpdate) (api.Blueprint, error) {
	return call[api.BlueprintUpdate, api.Blueprint](ctx, c, http.MethodPatch, api.PathBlueprint, &in, name)
}

// DeleteBlueprint deletes a blueprint that nothing uses.
func (c *Client) DeleteBlueprint(ctx context.Context, name string) error {
	_, err := call[none, none](ctx, c, http.MethodDelete, api.PathBlueprint, nil, name)
	return err
}

// JobFilter selects jobs. Zero fields select everything.
type JobFilter struct {
	Subject string // "server/alpha"
	Status  string
	Before  string // only ids below this
	Limit   int    // 1 … 1000; 0 = 100
}

// Jobs lists jobs, newest first.
func (c *Client) Jobs(ctx context.Context, filter JobFilter) ([]api.Job, error) {
	return get[[]api.Job](ctx, c, withQuery(api.PathJobs, "subject", filter.Subject, "status", filter.Status,
		"before", filter.Before, "limit", positive(int64(filter.Limit))))
}

// Job returns one job.
func (c *Client) Job(ctx context.Context, id string) (api.Job, error) {
	return get[api.Job](ctx, c, api.PathJob, id)
}

// CancelJob asks a job to stop. It returns the job as it is then, maybe still running.
func (c *Client) CancelJob(ctx context.Context, id string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathJobCancel, id)
}

// RetryJob does again what a job failed to do, as a new job.
func (c *Client) RetryJob(ctx context.Context, id string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathJobRetry, id)
}

// EventFilter selects events. Zero fields select everything.
type EventFilter struct {
	Subject string
	After   int64 // only ids above this
	Limit   int   // 1 … 1000; 0 = 200
}

// Events lists recorded facts, oldest first: those right above After if it is set, else the newest.
func (c *Client) Events(ctx context.Context, filter EventFilter) ([]api.Event, error) {
	return get[[]api.Event](ctx, c, withQuery(api.PathEvents, "subject", filter.Subject,
		"after", positive(filter.After), "limit", positive(int64(filter.Limit))))
}

func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// withQuery adds the pairs whose value is not empty. The {…} of path stay as they are.
func withQuery(path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// PreviewBlueprint shows what a blueprint would come to, and its likely mistakes. It changes nothing.
func (c *Client) PreviewBlueprint(ctx context.Context, in api.BlueprintCreate) (api.BlueprintPreview, error) {
	return call[api.BlueprintCreate, api.BlueprintPreview](ctx, c, http.MethodPost, api.PathBlueprintPreview, &in)
}
