package builder

import (
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/left4me/left4me/sdk/internal/wire"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

func planRequestToProto(r PlanRequest) *builderv1.PlanRequest {
	return &builderv1.PlanRequest{
		OverlayId:           r.OverlayID,
		SettingsJson:        r.Settings,
		Secrets:             r.Secrets,
		PreviousAnnotations: wire.Map(r.PreviousAnnotations),
	}
}

func planRequestFromProto(p *builderv1.PlanRequest) PlanRequest {
	return PlanRequest{
		OverlayID:           p.GetOverlayId(),
		Settings:            p.GetSettingsJson(),
		Secrets:             p.GetSecrets(),
		PreviousAnnotations: p.GetPreviousAnnotations(),
	}
}

func planToProto(plan Plan) *builderv1.PlanResponse {
	return &builderv1.PlanResponse{
		CacheKey:       wire.Text(plan.CacheKey, MaxAnnotation),
		EstimatedBytes: plan.EstimatedBytes,
		Summary:        wire.Texts(plan.Summary, wire.LongText),
	}
}

func planFromProto(p *builderv1.PlanResponse) Plan {
	return Plan{CacheKey: p.GetCacheKey(), EstimatedBytes: p.GetEstimatedBytes(), Summary: p.GetSummary()}
}

func requestToProto(r Request) *builderv1.BuildRequest {
	return &builderv1.BuildRequest{
		BuildId:      r.BuildID,
		OverlayId:    r.OverlayID,
		SettingsJson: r.Settings,
		OutputDir:    r.OutputDir,
		Secrets:      r.Secrets,
		Limits: &builderv1.Limits{
			MaxBytes: r.Limits.MaxBytes,
			MaxFiles: r.Limits.MaxFiles,
			MaxTime:  durationpb.New(r.Limits.MaxTime),
		},
		PreviousAnnotations: wire.Map(r.PreviousAnnotations),
	}
}

func requestFromProto(p *builderv1.BuildRequest) Request {
	return Request{
		BuildID:   p.GetBuildId(),
		OverlayID: p.GetOverlayId(),
		Settings:  p.GetSettingsJson(),
		OutputDir: p.GetOutputDir(),
		Secrets:   p.GetSecrets(),
		Limits: Limits{
			MaxBytes: p.GetLimits().GetMaxBytes(),
			MaxFiles: p.GetLimits().GetMaxFiles(),
			MaxTime:  p.GetLimits().GetMaxTime().AsDuration(),
		},
		PreviousAnnotations: p.GetPreviousAnnotations(),
	}
}

func resultToProto(r Result) *builderv1.Result {
	return &builderv1.Result{
		CacheKey:    r.CacheKey,
		Unchanged:   r.Unchanged,
		Bytes:       r.Bytes,
		Files:       r.Files,
		Annotations: wire.Map(r.Annotations),
		Changes:     changesToProto(r.Changes),
	}
}

func resultFromProto(p *builderv1.Result) Result {
	return Result{
		CacheKey:    p.GetCacheKey(),
		Unchanged:   p.GetUnchanged(),
		Bytes:       p.GetBytes(),
		Files:       p.GetFiles(),
		Annotations: p.GetAnnotations(),
		Changes:     changesFromProto(p.GetChanges()),
	}
}

func progressToProto(p Progress) *builderv1.Progress {
	unit := builderv1.Progress_UNIT_STEPS
	switch p.Unit {
	case Bytes:
		unit = builderv1.Progress_UNIT_BYTES
	case Files:
		unit = builderv1.Progress_UNIT_FILES
	case Steps:
	}
	return &builderv1.Progress{
		Phase:   wire.Text(p.Phase, MaxAnnotation),
		Unit:    unit,
		Done:    p.Done,
		Total:   p.Total,
		Message: wire.Text(p.Message, wire.ErrorText),
	}
}

func progressFromProto(p *builderv1.Progress) Progress {
	unit := Steps // also for units of a newer minor
	switch p.GetUnit() {
	case builderv1.Progress_UNIT_BYTES:
		unit = Bytes
	case builderv1.Progress_UNIT_FILES:
		unit = Files
	}
	return Progress{
		Phase:   wire.Text(p.GetPhase(), MaxAnnotation),
		Unit:    unit,
		Done:    p.GetDone(),
		Total:   p.GetTotal(),
		Message: wire.Text(p.GetMessage(), wire.ErrorText),
	}
}

func streamToProto(s Stream) builderv1.Output_Stream {
	if s == Stderr {
		return builderv1.Output_STREAM_STDERR
	}
	return builderv1.Output_STREAM_STDOUT
}

func streamFromProto(s builderv1.Output_Stream) Stream {
	if s == builderv1.Output_STREAM_STDERR {
		return Stderr
	}
	return Stdout
}

// level returns a log level that the protocol knows.
func level(name string) string {
	switch name {
	case "debug", "info", "warn", "error":
		return name
	}
	return "info"
}
