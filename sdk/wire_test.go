package sdk_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

const goldenWire = "testdata/wire-v1.txt"

func protoFiles() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		pluginv1.File_left4me_plugin_v1_plugin_proto,
		builderv1.File_left4me_builder_v1_builder_proto,
		mounterv1.File_left4me_mounter_v1_mounter_proto,
	}
}

// wireLines lists everything that a plugin built with an older SDK relies on, one fact a line.
func wireLines() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, file := range protoFiles() {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				m := service.Methods().Get(j)
				add("rpc %s(%s) returns (stream=%t %s)", m.FullName(), m.Input().FullName(),
					m.IsStreamingServer(), m.Output().FullName())
			}
		}
		wireEnums(file.Enums(), add)
		wireMessages(file.Messages(), add)
	}
	slices.Sort(lines)
	return lines
}

func wireMessages(list protoreflect.MessageDescriptors, add func(string, ...any)) {
	for i := range list.Len() {
		for j := range list.Get(i).Fields().Len() {
			f := list.Get(i).Fields().Get(j)
			kind := f.Kind().String()
			switch {
			case f.IsMap():
				kind = fmt.Sprintf("map<%s, %s>", f.MapKey().Kind(), f.MapValue().Kind())
			case f.Message() != nil:
				kind = string(f.Message().FullName())
			case f.Enum() != nil:
				kind = string(f.Enum().FullName())
			}
			oneof := ""
			if o := f.ContainingOneof(); o != nil {
				oneof = " in " + string(o.Name())
			}
			add("field %s = %d %s %s%s", f.FullName(), f.Number(), f.Cardinality(), kind, oneof)
		}
		wireEnums(list.Get(i).Enums(), add)
		wireMessages(list.Get(i).Messages(), add)
	}
}

func wireEnums(list protoreflect.EnumDescriptors, add func(string, ...any)) {
	for i := range list.Len() {
		for j := range list.Get(i).Values().Len() {
			v := list.Get(i).Values().Get(j)
			add("enum %s: %s = %d", list.Get(i).FullName(), v.Name(), v.Number())
		}
	}
}

// A line may be added to the golden file, with LEFT4ME_UPDATE_GOLDEN=1. None may ever change or go:
// plugins that are installed somewhere speak it.
func TestWireFormatOfVersion1(t *testing.T) {
	raw, err := os.ReadFile(goldenWire)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	lines := wireLines()
	golden := strings.Split(strings.TrimSpace(string(raw)), "\n")
	for _, line := range golden {
		if line != "" && !slices.Contains(lines, line) {
			t.Errorf("version 1 of the protocol lost or changed: %s", line)
		}
	}
	if os.Getenv("LEFT4ME_UPDATE_GOLDEN") != "" && !t.Failed() {
		if err := os.WriteFile(goldenWire, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range lines {
		if !slices.Contains(golden, line) {
			t.Errorf("new in the protocol, add it with LEFT4ME_UPDATE_GOLDEN=1: %s", line)
		}
	}
}

// The bytes themselves, as another implementation of the protocol would write them.
func TestWireBytes(t *testing.T) {
	for _, c := range []struct {
		message proto.Message
		want    string
	}{
		{&builderv1.BuildResponse{Sequence: 1, Event: &builderv1.BuildResponse_Progress{Progress: &builderv1.Progress{
			Phase: "dl", Unit: builderv1.Progress_UNIT_BYTES, Done: 300, Total: 1000,
		}}}, "0801120c0a02646c100118ac0220e807"},
		{&builderv1.BuildResponse{Sequence: 2, Event: &builderv1.BuildResponse_Result{Result: &builderv1.Result{
			CacheKey: "k", Files: 2, Annotations: map[string]string{"a": "b"},
		}}}, "0802320d0a016b20022a060a016112" + "0162"},
		{&mounterv1.MountRequest{Server: "s", Lowers: []*mounterv1.Layer{
			{Layer: &mounterv1.Layer_Revision{Revision: &mounterv1.Revision{Overlay: "o", Revision: "r"}}},
			{Layer: &mounterv1.Layer_Release{Release: "g"}},
		}}, "0a017312080a060a016f120172" + "1203120167"},
		{&pluginv1.ErrorDetail{Code: "invalid", Message: "m", Hint: "h", Field: "/f"},
			"0a07696e76616c696412016d1a016822022f66"},
	} {
		got, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.message)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%T: %x, %v, want %s", c.message, got, err, c.want)
		}
	}
}

// The rules that "buf lint" has by default, as far as a mistake could reach the wire.
func TestProtoStyle(t *testing.T) {
	used := map[protoreflect.FullName]bool{}
	for _, file := range protoFiles() {
		if !strings.HasSuffix(string(file.Package()), ".v1") ||
			!strings.HasPrefix(file.Path(), strings.ReplaceAll(string(file.Package()), ".", "/")+"/") {
			t.Errorf("%s is in the package %s", file.Path(), file.Package())
		}
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				m := file.Services().Get(i).Methods().Get(j)
				for _, end := range []protoreflect.MessageDescriptor{m.Input(), m.Output()} {
					if used[end.FullName()] || !strings.HasPrefix(string(end.Name()), string(m.Name())) {
						t.Errorf("%s shares or misnames %s", m.FullName(), end.FullName())
					}
					used[end.FullName()] = true
				}
			}
		}
	}
	for _, line := range wireLines() {
		if strings.HasPrefix(line, "enum ") && strings.HasSuffix(line, " = 0") != strings.Contains(line, "_UNSPECIFIED = ") {
			t.Errorf("0 is not the unspecified value, or the reverse: %s", line)
		}
	}
}
