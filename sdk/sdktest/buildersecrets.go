package sdktest

import (
	"context"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// withSecrets hands the subject's secrets to builds and plans that have none of their own.
type withSecrets struct {
	builder.Builder
	secrets map[string]string
}

// Build implements builder.Builder.
func (w withSecrets) Build(ctx context.Context, r builder.Request, events builder.Events) (builder.Result, error) {
	if r.Secrets == nil {
		r.Secrets = w.secrets
	}
	return w.Builder.Build(ctx, r, events)
}

// Plan implements builder.Builder.
func (w withSecrets) Plan(ctx context.Context, r builder.PlanRequest) (builder.Plan, error) {
	if r.Secrets == nil {
		r.Secrets = w.secrets
	}
	return w.Builder.Plan(ctx, r)
}

func builderNoSecrets(t T, r *builderRun) {
	if len(r.spec.Secrets) == 0 {
		t.Skipf("no secrets were given: without any, every other check has tried it")
	}
	run := r.start(t, t.TempDir())
	settings := r.settings(run)
	settings.Secrets = nil
	found, err := run.base.Configure(patient(t), settings)
	if err != nil {
		t.Fatalf("Configure without secrets: %v", err)
	}
	if sdk.HasErrors(found) {
		return // it says so before anybody builds
	}
	_, err = builder.NewClient(run.conn).Build(patient(t), request(t, r.spec.Overlay), &Recorder{})
	if err == nil {
		return // it can do without
	}
	wantCode(t, "a build without secrets", err, sdk.CodeUnauthenticated, sdk.CodePrecondition, sdk.CodeInvalid)
}
