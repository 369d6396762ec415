package client

import (
	"context"
	"net/http"

	"github.com/left4me/left4me/agent/api"
)

// Schedules lists what is done by itself.
func (c *Client) Schedules(ctx context.Context) ([]api.Schedule, error) {
	return get[[]api.Schedule](ctx, c, api.PathSchedules)
}

// Schedule returns one schedule.
func (c *Client) Schedule(ctx context.Context, name string) (api.Schedule, error) {
	return get[api.Schedule](ctx, c, api.PathSchedule, name)
}

// CreateSchedule makes a schedule.
func (c *Client) CreateSchedule(ctx context.Context, in api.ScheduleCreate) (api.Schedule, error) {
	return call[api.ScheduleCreate, api.Schedule](ctx, c, http.MethodPost, api.PathSchedules, &in)
}

// UpdateSchedule changes what is set.
func (c *Client) UpdateSchedule(ctx context.Context, name string, in api.ScheduleUpdate) (api.Schedule, error) {
	return call[api.ScheduleUpdate, api.Schedule](ctx, c, http.MethodPatch, api.PathSchedule, &in, name)
}

// DeleteSchedule removes a schedule.
func (c *Client) DeleteSchedule(ctx context.Context, name string) error {
	_, err := call[none, none](ctx, c, http.MethodDelete, api.PathSchedule, nil, name)
	return err
}

// RunSchedule sets a schedule off by hand.
func (c *Client) RunSchedule(ctx context.Context, name string, in api.ScheduleRun) (api.Job, error) {
	return call[api.ScheduleRun, api.Job](ctx, c, http.MethodPost, api.PathScheduleRun, &in, name)
}

// PreviewSchedule says when a trigger would set a schedule off. It changes nothing.
func (c *Client) PreviewSchedule(ctx context.Context, in api.ScheduleTrigger) (api.SchedulePreview, error) {
	return call[api.ScheduleTrigger, api.SchedulePreview](ctx, c, http.MethodPost, api.PathSchedulePreview, &in)
}

// ScheduleKinds says what schedules can be made of.
func (c *Client) ScheduleKinds(ctx context.Context) (api.ScheduleKinds, error) {
	return get[api.ScheduleKinds](ctx, c, api.PathScheduleKinds)
}
