package sdktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// faulty is a good builder with one method replaced.
type faulty struct {
	builder.Builder
	build    func(context.Context, builder.Request, builder.Events) (builder.Result, error)
	validate func(json.RawMessage) ([]sdk.Diagnostic, error)
	plan     func() (builder.Plan, error)
	forget   func() error
}

func (f *faulty) Build(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
	if f.build != nil {
		return f.build(ctx, r, e)
	}
	return f.Builder.Build(ctx, r, e)
}

func (f *faulty) Validate(ctx context.Context, s json.RawMessage) ([]sdk.Diagnostic, error) {
	if f.validate != nil {
		return f.validate(s)
	}
	return f.Builder.Validate(ctx, s)
}

func (f *faulty) Plan(ctx context.Context, r builder.PlanRequest) (builder.Plan, error) {
	if f.plan != nil {
		return f.plan()
	}
	return f.Builder.Plan(ctx, r)
}

func (f *faulty) Forget(ctx context.Context, id string) error {
	if f.forget != nil {
		return f.forget()
	}
	return f.Builder.Forget(ctx, id)
}

// after is a build that does f when the good build has ended well.
func after(f *faulty, do func(builder.Request, *builder.Result) error) {
	f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
		result, err := f.Builder.Build(ctx, r, e)
		if err != nil {
			return result, err
		}
		return result, do(r, &result)
	}
}

func spec(plugin func() sdk.Plugin) sdktest.BuilderSpec {
	return sdktest.BuilderSpec{
		Subject: sdktest.Subject{New: func(string) sdk.Plugin { return plugin() }},
		Overlay: json.RawMessage(`{"files": {"cfg/server.cfg": "hostname x", "motd.txt": "hi"}, "logs": ["one"], "steps": 3}`),
		Changed: json.RawMessage(`{"files": {"motd.txt": "ho"}}`),
		Endless: json.RawMessage(`{"files": {"motd.txt": "hi"}, "logs": ["begun"], "hang": true}`),
	}
}

// brokenBuilder is a good builder spoiled, the check that must catch it, and what that says.
type brokenBuilder struct {
	id, says string
	spoil    func(f *faulty)
}

func brokenBuilders() map[string]brokenBuilder {
	return map[string]brokenBuilder{
		"prints secrets": {"C24", "a secret appeared", func(f *faulty) {
			f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
				e.Log("debug", "token is "+r.Secrets["token"])
				return f.Builder.Build(ctx, r, e)
			}
		}},
		"takes a cancel for success": {"C26", "the endless build ended", func(f *faulty) {
			f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
				_, _ = f.Builder.Build(ctx, r, e)
				return builder.Result{}, nil
			}
		}},
		"validates nothing": {"C27", "no error diagnostic points at", func(f *faulty) { f.validate = func(json.RawMessage) ([]sdk.Diagnostic, error) { return nil, nil } }},
		"fails in Validate": {"C27", "gave an error in place of diagnostics", func(f *faulty) {
			f.validate = func(json.RawMessage) ([]sdk.Diagnostic, error) { return nil, errors.New("no") }
		}},
		"counts wrong": {"C32", "the result says 7 files", func(f *faulty) {
			after(f, func(_ builder.Request, r *builder.Result) error { r.Files = 7; return nil })
		}},
		"says unchanged": {"C32", "nothing changed", func(f *faulty) {
			after(f, func(_ builder.Request, r *builder.Result) error { r.Unchanged = true; return nil })
		}},
		"leaves a setuid bit": {"C36", "setuid", func(f *faulty) {
			after(f, func(r builder.Request, _ *builder.Result) error {
				return os.Chmod(r.OutputDir+"/motd.txt", os.ModeSetuid|0o755)
			})
		}},
		"leaves a wild link": {"C36", "link out of the tree", func(f *faulty) {
			after(f, func(r builder.Request, _ *builder.Result) error { return os.Symlink("../../x", r.OutputDir+"/l") })
		}},
		"writes beside": {"C35", "a-neighbour/extra should not be there", func(f *faulty) {
			after(f, func(r builder.Request, _ *builder.Result) error {
				return os.WriteFile(r.OutputDir+"/../a-neighbour/extra", nil, 0o644)
			})
		}},
		"changes what is beside": {"C35", "z-neighbour/keep is", func(f *faulty) {
			after(f, func(r builder.Request, _ *builder.Result) error {
				return os.Truncate(r.OutputDir+"/../z-neighbour/keep", 0)
			})
		}},
		"differs each time": {"C37", "a second build", func(f *faulty) {
			after(f, func(r builder.Request, _ *builder.Result) error {
				return os.WriteFile(r.OutputDir+"/id", []byte(r.BuildID), 0o644)
			})
		}},
		"has one key for all": {"C37", "the same cache key", func(f *faulty) {
			after(f, func(_ builder.Request, r *builder.Result) error { r.CacheKey = "k"; return nil })
		}},
		"never looks again": {"C38", "changed settings", func(f *faulty) {
			f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
				if r.PreviousAnnotations != nil {
					return builder.Result{Unchanged: true, Annotations: r.PreviousAnnotations}, nil
				}
				return f.Builder.Build(ctx, r, e)
			}
		}},
		"one at a time": {"C42", "busy", oneAtATime},
		"has no limits": {"C43", "past its limit of bytes", func(f *faulty) {
			f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
				r.Limits.MaxBytes, r.Limits.MaxFiles = 0, 0
				return f.Builder.Build(ctx, r, e)
			}
		}},
		"makes its own tree": {"C44", "made a staging tree by itself", func(f *faulty) {
			f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
				if err := os.MkdirAll(r.OutputDir, 0o755); err != nil {
					return builder.Result{}, err
				}
				return f.Builder.Build(ctx, r, e)
			}
		}},
		"forgets once":    {"C46", "Forget(", func(f *faulty) { f.forget = func() error { return errors.New("unknown overlay") } }},
		"plans wrong":     {"C48", "Plan promised", func(f *faulty) { f.plan = func() (builder.Plan, error) { return builder.Plan{CacheKey: "x"}, nil } }},
		"lies about plan": {"C48", "Plan: ", func(f *faulty) { f.plan = func() (builder.Plan, error) { return builder.Plan{}, builder.ErrNoPlan } }},
		"takes what it refuses": {"C31", "settings that Validate refuses", func(f *faulty) {
			f.validate = func(json.RawMessage) ([]sdk.Diagnostic, error) {
				return []sdk.Diagnostic{{Severity: sdk.SeverityError, Code: "x", Summary: "No."}}, nil
			}
		}},
		"trips over a secret": {"C47", "a build without secrets gave", func(f *faulty) {
			f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
				if r.Secrets["token"] == "" {
					return builder.Result{}, errors.New("index out of range")
				}
				return f.Builder.Build(ctx, r, e)
			}
		}},
		"hears no deadline": {"C40", "1 builds still ran", hearsNothing},
		"hears no cancel":   {"C39", "1 builds still ran", hearsNothing},
		"drops when slow":   {"C45", "a slow reader got", dropsLater},
		"breaks on cancel":  {"C39", "a canceled build gave", func(f *faulty) { f.build = brokenAfterCancel }},
	}
}

func TestBrokenBuildersAreCaught(t *testing.T) {
	for name, c := range brokenBuilders() {
		t.Run(name, func(t *testing.T) {
			good := sdktest.NewMemBuilder("mem")
			f := &faulty{Builder: good.Builder}
			c.spoil(f)
			s := spec(func() sdk.Plugin { return builder.Of(good.Base, f) })
			s.Secrets = map[string]string{"token": "t"}
			judge(t, func(v sdktest.T) { sdktest.CheckBuilder(v, c.id, s) }).caught(t, c.says)
		})
	}
}

func TestValidateThatWritesIsCaught(t *testing.T) {
	good := sdktest.NewMemBuilder("mem")
	s := spec(nil)
	s.New = func(dir string) sdk.Plugin {
		return builder.Of(good.Base, &faulty{Builder: good.Builder, validate: func(json.RawMessage) ([]sdk.Diagnostic, error) {
			return nil, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644)
		}})
	}
	judge(t, func(v sdktest.T) { sdktest.CheckBuilder(v, "C30", s) }).caught(t, "f should not be there")
}

// hearsNothing makes a builder that goes on after a cancel, until the plugin is stopped.
func hearsNothing(f *faulty) {
	f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
		var script sdktest.Script
		if err := json.Unmarshal(r.Settings, &script); err == nil && script.Hang {
			e.Log("info", "begun")
			<-make(chan struct{})
		}
		return f.Builder.Build(ctx, r, e)
	}
}

// quiet loses log lines.
type quiet struct{ builder.Events }

func (quiet) Log(string, string) {}

// dropsLater makes a builder that loses lines in its third build, as one with a queue that is too short would.
func dropsLater(f *faulty) {
	var builds atomic.Int32
	f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
		if builds.Add(1) == 3 {
			e = quiet{e}
		}
		return f.Builder.Build(ctx, r, e)
	}
}

// oneAtATime makes a builder that refuses a second build at once.
func oneAtATime(f *faulty) {
	var running sync.Mutex
	var all sync.WaitGroup
	all.Add(2)
	first := sync.OnceFunc(all.Done)
	f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
		if !running.TryLock() {
			first()
			return builder.Result{}, sdk.Errorf(sdk.CodeUnavailable, "I am busy.")
		}
		all.Done()
		all.Wait()
		return f.Builder.Build(ctx, r, e)
	}
}

// brokenAfterCancel fails in its own way, which only a plugin without the SDK's client could hide.
func brokenAfterCancel(context.Context, builder.Request, builder.Events) (builder.Result, error) {
	return builder.Result{}, errors.New("lost my state")
}
