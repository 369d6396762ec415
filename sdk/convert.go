package sdk

import (
	"github.com/left4me/left4me/sdk/internal/wire"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

// ToProto returns d in wire form, with texts cut to what the protocol allows.
func (d Diagnostic) ToProto() *pluginv1.Diagnostic {
	severity := pluginv1.Diagnostic_SEVERITY_ERROR
	if d.Severity == SeverityWarning {
		severity = pluginv1.Diagnostic_SEVERITY_WARNING
	}
	return &pluginv1.Diagnostic{
		Severity: severity,
		Code:     wire.Text(d.Code, wire.ErrorText),
		Summary:  wire.Text(d.Summary, wire.ErrorText),
		Detail:   wire.Text(d.Detail, wire.LongText),
		Pointer:  wire.Text(d.Pointer, wire.ErrorText),
	}
}

// DiagnosticFromProto is the reverse of [Diagnostic.ToProto]. An unknown severity counts as an error.
func DiagnosticFromProto(p *pluginv1.Diagnostic) Diagnostic {
	severity := SeverityError
	if p.GetSeverity() == pluginv1.Diagnostic_SEVERITY_WARNING {
		severity = SeverityWarning
	}
	return Diagnostic{
		Severity: severity,
		Code:     wire.Text(p.GetCode(), wire.ErrorText),
		Summary:  wire.Text(p.GetSummary(), wire.ErrorText),
		Detail:   wire.Text(p.GetDetail(), wire.LongText),
		Pointer:  wire.Text(p.GetPointer(), wire.ErrorText),
	}
}

// DiagnosticsToProto converts a list.
func DiagnosticsToProto(list []Diagnostic) []*pluginv1.Diagnostic {
	var out []*pluginv1.Diagnostic
	for _, d := range list {
		out = append(out, d.ToProto())
	}
	return out
}

// DiagnosticsFromProto converts a list.
func DiagnosticsFromProto(list []*pluginv1.Diagnostic) []Diagnostic {
	var out []Diagnostic
	for _, p := range list {
		out = append(out, DiagnosticFromProto(p))
	}
	return out
}

// HasErrors reports whether a diagnostic of the list stops what was asked.
func HasErrors(list []Diagnostic) bool {
	for _, d := range list {
		if d.Severity != SeverityWarning {
			return true
		}
	}
	return false
}

func infoToProto(info Info) *pluginv1.GetInfoResponse {
	return &pluginv1.GetInfoResponse{
		Name:                    info.Name,
		Version:                 info.Version,
		SdkVersion:              info.SDKVersion,
		ProtocolMinor:           info.Minor,
		Kind:                    kindToProto(info.Kind),
		Capabilities:            info.Capabilities,
		PluginSchema:            info.PluginSchema,
		OverlaySchema:           info.OverlaySchema,
		WantedLinuxCapabilities: info.WantedCapabilities,
		DocMarkdown:             wire.Text(info.Doc, maxDoc),
	}
}

func infoFromProto(p *pluginv1.GetInfoResponse) Info {
	return Info{
		Name:               p.GetName(),
		Version:            p.GetVersion(),
		SDKVersion:         p.GetSdkVersion(),
		Minor:              p.GetProtocolMinor(),
		Kind:               kindFromProto(p.GetKind()),
		Capabilities:       p.GetCapabilities(),
		PluginSchema:       p.GetPluginSchema(),
		OverlaySchema:      p.GetOverlaySchema(),
		WantedCapabilities: p.GetWantedLinuxCapabilities(),
		Doc:                p.GetDocMarkdown(),
	}
}

func kindToProto(kind KindName) pluginv1.Kind {
	switch kind {
	case KindBuilder:
		return pluginv1.Kind_KIND_BUILDER
	case KindMounter:
		return pluginv1.Kind_KIND_MOUNTER
	}
	return pluginv1.Kind_KIND_UNSPECIFIED
}

func kindFromProto(kind pluginv1.Kind) KindName {
	switch kind {
	case pluginv1.Kind_KIND_BUILDER:
		return KindBuilder
	case pluginv1.Kind_KIND_MOUNTER:
		return KindMounter
	}
	return ""
}

func settingsToProto(s Settings) *pluginv1.ConfigureRequest {
	return &pluginv1.ConfigureRequest{
		SettingsJson: s.JSON,
		StateDir:     s.StateDir,
		CacheDir:     s.CacheDir,
		LogLevel:     s.LogLevel,
		Secrets:      s.Secrets,
	}
}

func settingsFromProto(p *pluginv1.ConfigureRequest) Settings {
	return Settings{
		JSON:     p.GetSettingsJson(),
		StateDir: p.GetStateDir(),
		CacheDir: p.GetCacheDir(),
		LogLevel: p.GetLogLevel(),
		Secrets:  p.GetSecrets(),
	}
}

func healthToProto(h Health) *pluginv1.WatchHealthResponse {
	state := pluginv1.WatchHealthResponse_STATE_UNHEALTHY
	switch h.State {
	case HealthHealthy:
		state = pluginv1.WatchHealthResponse_STATE_HEALTHY
	case HealthUndetected:
		state = pluginv1.WatchHealthResponse_STATE_UNDETECTED
	case HealthUnhealthy:
	}
	return &pluginv1.WatchHealthResponse{
		State:       state,
		Description: wire.Text(h.Description, wire.ErrorText),
		Attributes:  wire.Map(h.Attributes),
	}
}

func healthFromProto(p *pluginv1.WatchHealthResponse) (Health, error) {
	h := Health{Description: wire.Text(p.GetDescription(), wire.ErrorText), Attributes: p.GetAttributes()}
	switch p.GetState() {
	case pluginv1.WatchHealthResponse_STATE_HEALTHY:
		h.State = HealthHealthy
	case pluginv1.WatchHealthResponse_STATE_UNDETECTED:
		h.State = HealthUndetected
	case pluginv1.WatchHealthResponse_STATE_UNHEALTHY:
		h.State = HealthUnhealthy
	default:
		return Health{}, Broken("health state %d is unknown", p.GetState())
	}
	return h, nil
}
