package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

// introduce asks the plugin who it is, and configures it.
func (l *launcher) introduce(ctx context.Context, i *instance, secrets map[string]string) *problem {
	info, err := i.base.Info(ctx)
	if err != nil {
		return l.answer(err, "did not say what it is")
	}
	if info.Kind != l.plugin.Kind {
		return lasting(fault.Precondition, "is configured as a %s, but its program %s is a %s.", l.plugin.Kind, info.Name, info.Kind).
			withHint("Correct \"kind\" or \"command\" in its block.")
	}
	for _, schema := range []json.RawMessage{info.PluginSchema, info.OverlaySchema} {
		if err := checkSchema(schema); err != nil {
			return broken("a schema of it cannot be read (%s)", clean(err.Error(), maxWord))
		}
	}
	i.info = cleanInfo(info)
	l.compareCapabilities(i.info)
	diagnostics, err := i.base.Configure(ctx, l.settings(secrets))
	if err != nil {
		return l.answer(err, "could not be configured")
	}
	return l.judge(diagnostics)
}

// compareCapabilities says what the plugin would like to have and does not get. It decides nothing.
func (l *launcher) compareCapabilities(info sdk.Info) {
	if l.plugin.Launch.Mode != ModeExec {
		return // its unit decides
	}
	var missing []string
	for _, name := range info.WantedCapabilities {
		if !slices.Contains(l.plugin.Launch.Capabilities, name) {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		l.log.logger.Info("the plugin would like capabilities that its launch block does not name", "missing", missing)
	}
}

func (l *launcher) settings(secrets map[string]string) sdk.Settings {
	settings := sdk.Settings{
		JSON: l.plugin.Settings, StateDir: l.dirs.state, CacheDir: l.dirs.cache,
		LogLevel: l.options.LogLevel, Secrets: secrets,
	}
	if len(settings.JSON) == 0 {
		settings.JSON = json.RawMessage("{}")
	}
	return settings
}

// answer turns the error of an early call into a problem. What the plugin says itself stands; a call
// that broke off may work next time.
func (l *launcher) answer(err error, what string) *problem {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Code == sdk.CodeUnavailable || e.Code == sdk.CodeCanceled {
		return passing(err, "%s: %s", what, l.text(strings.TrimSuffix(err.Error(), ".")+"."))
	}
	p := lasting(fault.Code(e.Code), "%s: %s", what, l.text(e.Message)).withHint("%s", l.text(e.Hint))
	p.cause = err
	return p
}

// judge turns the findings about the settings into a problem, and logs the warnings among them.
func (l *launcher) judge(diagnostics []sdk.Diagnostic) *problem {
	var summaries []string
	detail := ""
	for _, d := range cleanDiagnostics(diagnostics) {
		text := l.text(d.Summary)
		if d.Pointer != "" {
			text = fmt.Sprintf("%s: %s", d.Pointer, text)
		}
		if d.Severity != sdk.SeverityError {
			l.log.logger.Warn("the plugin warns about its settings", "warning", text, "detail", l.text(d.Detail))
			continue
		}
		summaries = append(summaries, text)
		if detail == "" {
			detail = l.text(d.Detail)
		}
	}
	if summaries == nil {
		return nil
	}
	if detail == "" {
		detail = "Correct the settings block of plugin " + l.plugin.Name + " in the configuration."
	}
	return lasting(fault.Invalid, "refuses its settings: %s", shorten(strings.Join(summaries, " "), maxSentence)).
		withHint("%s", detail)
}

// checkSchema accepts no schema, and any document that is a JSON Schema.
func checkSchema(document json.RawMessage) error {
	if len(document) == 0 {
		return nil
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(document, &schema); err != nil {
		return err
	}
	_, err := schema.Resolve(nil)
	return err
}
