package builder

import (
	"slices"

	"github.com/left4me/left4me/sdk/internal/wire"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// changesToProto puts failures first when there are too many, so that they stay.
func changesToProto(list []Change) []*builderv1.Change {
	if len(list) > MaxChanges {
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(a, b Change) int { return rankOf(a) - rankOf(b) })
		list = list[:MaxChanges]
	}
	var out []*builderv1.Change
	for _, change := range list {
		out = append(out, &builderv1.Change{
			Kind: changeKind(change.Kind), Id: wire.Text(change.ID, maxChangeText), Title: wire.Text(change.Title, maxChangeText),
			From: wire.Text(change.From, maxChangeText), To: wire.Text(change.To, maxChangeText), Reason: wire.Text(change.Reason, maxChangeText),
		})
	}
	return out
}

// maxChangeText bounds each text of a change, in bytes.
const maxChangeText = 500

func rankOf(change Change) int {
	if change.Kind == Failed {
		return 0
	}
	return 1
}

func changeKind(kind ChangeKind) builderv1.Change_Kind {
	switch kind {
	case Added:
		return builderv1.Change_KIND_ADDED
	case Updated:
		return builderv1.Change_KIND_UPDATED
	case Removed:
		return builderv1.Change_KIND_REMOVED
	case Failed:
		return builderv1.Change_KIND_FAILED
	}
	return builderv1.Change_KIND_UNSPECIFIED
}

// changesFromProto leaves out kinds of a newer minor, and what is too much.
func changesFromProto(list []*builderv1.Change) []Change {
	kinds := map[builderv1.Change_Kind]ChangeKind{
		builderv1.Change_KIND_ADDED: Added, builderv1.Change_KIND_UPDATED: Updated,
		builderv1.Change_KIND_REMOVED: Removed, builderv1.Change_KIND_FAILED: Failed,
	}
	var out []Change
	for _, p := range list[:min(len(list), MaxChanges)] {
		if kind, known := kinds[p.GetKind()]; known {
			out = append(out, Change{Kind: kind, ID: wire.Text(p.GetId(), maxChangeText), Title: wire.Text(p.GetTitle(), maxChangeText),
				From: wire.Text(p.GetFrom(), maxChangeText), To: wire.Text(p.GetTo(), maxChangeText), Reason: wire.Text(p.GetReason(), maxChangeText)})
		}
	}
	return out
}
