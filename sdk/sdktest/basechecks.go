package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/mounter"
)

// waySubject is a suite's subject, which every suite can give.
type waySubject interface{ theWay() way }

// theWay makes a way its own subject.
func (w way) theWay() way { return w }

// baseChecks are the checks of what every plugin serves.
func baseChecks[S waySubject]() []check[S] {
	on := func(f func(T, way)) func(T, S) { return func(t T, s S) { f(t, s.theWay()) } }
	return []check[S]{
		{"C05", "info is complete", on(checkInfo)},
		{"C11", "health is reported at once", on(checkHealth)},
		{"C20", "schemas are valid", on(checkSchemas)},
		{"C21", "plugin settings that do not fit are explained", on(checkBadSettings)},
		{"C22", "configure twice", on(checkConfigureTwice)},
		{"C25", "drain ends idle at once and refuses work", on(checkDrain)},
	}
}

func checkInfo(t T, w way) {
	r := w.start(t, t.TempDir())
	info, err := r.base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info before Configure: %v", err)
	}
	if info.Kind != w.kind {
		t.Errorf("kind is %q, want %q", info.Kind, w.kind)
	}
	if info.SDKVersion == "" {
		t.Errorf("the SDK's version is missing")
	}
	if w.kind != sdk.KindBuilder && len(info.OverlaySchema) > 0 {
		t.Errorf("only builders have an overlay schema")
	}
}

func checkHealth(t T, w way) {
	r := w.ready(t, t.TempDir())
	enough := errors.New("enough")
	var got sdk.Health
	err := r.base.WatchHealth(patient(t), func(h sdk.Health) error {
		got = h
		return enough
	})
	if !errors.Is(err, enough) {
		t.Fatalf("WatchHealth reported nothing: %v", err)
	}
	if got.State != sdk.HealthHealthy && got.Description == "" {
		t.Errorf("health is %q without a description of why", got.State)
	}
}

func checkSchemas(t T, w way) {
	r := w.start(t, t.TempDir())
	info, err := r.base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	for name, schema := range map[string]json.RawMessage{"plugin": info.PluginSchema, "overlay": info.OverlaySchema} {
		if len(schema) == 0 {
			continue
		}
		if _, err := sdk.ParseSchema(schema); err != nil {
			t.Errorf("the %s schema: %v", name, err)
		}
	}
	if len(info.PluginSchema) == 0 {
		t.Errorf("the plugin has no schema of its settings")
	}
}

func checkBadSettings(t T, w way) {
	r := w.start(t, t.TempDir())
	info, err := r.base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	good := w.settings(r)
	for _, bad := range spoil(t, info.PluginSchema, good.JSON) {
		settings := good
		settings.JSON = bad.settings
		found, err := r.base.Configure(patient(t), settings)
		bad.judge(t, found, err)
	}
	if _, err := r.base.Info(patient(t)); err != nil {
		t.Errorf("Info after bad settings: %v", err)
	}
}

func checkConfigureTwice(t T, w way) {
	r := w.ready(t, t.TempDir())
	found, err := r.base.Configure(patient(t), w.settings(r))
	if err != nil || sdk.HasErrors(found) {
		t.Errorf("a second Configure with the same settings: %v, %+v", err, found)
	}
	bad := w.settings(r)
	bad.JSON = json.RawMessage(`{"no such setting of any plugin": 1`)
	if found, err := r.base.Configure(patient(t), bad); err == nil && !sdk.HasErrors(found) {
		t.Errorf("settings that are not JSON were accepted")
	}
}

func checkDrain(t T, w way) {
	r := w.ready(t, t.TempDir())
	canceled, err := r.base.Drain(patient(t), patience)
	if err != nil {
		t.Fatalf("Drain: %v", err)
	}
	if canceled != 0 {
		t.Errorf("Drain of an idle plugin canceled %d calls", canceled)
	}
	if _, err := r.base.Info(patient(t)); err != nil {
		t.Errorf("Info after Drain: %v", err)
	}
	if w.kind == sdk.KindBuilder {
		_, err = builder.NewClient(r.conn).Validate(patient(t), json.RawMessage("{}"))
	} else {
		_, err = mounter.NewClient(r.conn).Probe(patient(t))
	}
	wantCode(t, "new work after Drain", err, sdk.CodeUnavailable)
}

// wantCode fails the check unless err has one of the codes.
func wantCode(t T, what string, err error, codes ...sdk.Code) {
	t.Helper()
	for _, code := range codes {
		if sdk.CodeOf(err) == code {
			return
		}
	}
	t.Errorf("%s gave %q (%v), want %q", what, sdk.CodeOf(err), err, codes)
}

// soon returns a context that is canceled after a short while, which differs per attempt.
func soon(ctx context.Context, attempt int) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(time.Duration(attempt*attempt)*time.Millisecond, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}
