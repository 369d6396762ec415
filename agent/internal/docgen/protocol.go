package docgen

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

// Messages returns the page of all services and messages of the plugin protocol. Comments are in the .proto files, which the
// page names.
func Messages() string {
	out := generated + `# Messages of the plugin protocol, version 1

Services, messages and numbers, as they are on the wire; what stands around them is in [the plugin protocol](plugin-protocol.md). Each file carries
comments on every call and field.
`
	for _, file := range []protoreflect.FileDescriptor{
		pluginv1.File_left4me_plugin_v1_plugin_proto, builderv1.File_left4me_builder_v1_builder_proto, mounterv1.File_left4me_mounter_v1_mounter_proto,
	} {
		out += fmt.Sprintf("\n## %s\n\n[`%s`](../../sdk/proto/%s)\n\n", file.Package(), file.Path(), file.Path())
		for i := range file.Services().Len() {
			out += service(file.Services().Get(i))
		}
		out += "| Message | Fields |\n|---|---|\n" + messages(file.Messages()) + enums(file.Enums(), "")
	}
	return out
}

func service(s protoreflect.ServiceDescriptor) string {
	out := fmt.Sprintf("`%s`\n\n| Call | Request | Answer |\n|---|---|---|\n", s.FullName())
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		stream := ""
		if m.IsStreamingServer() {
			stream = "stream of "
		}
		out += fmt.Sprintf("| `%s` | `%s` | %s`%s` |\n", m.Name(), m.Input().Name(), stream, m.Output().Name())
	}
	return out + "\n"
}

func messages(list protoreflect.MessageDescriptors) string {
	out := ""
	for i := range list.Len() {
		m := list.Get(i)
		if m.IsMapEntry() {
			continue
		}
		var fields []string
		for j := range m.Fields().Len() {
			fields = append(fields, field(m.Fields().Get(j)))
		}
		if fields == nil {
			fields = []string{"none"}
		}
		out += fmt.Sprintf("| `%s` | %s |\n", m.Name(), strings.Join(fields, ", ")) + messages(m.Messages()) + enums(m.Enums(), string(m.Name())+".")
	}
	return out
}

func field(f protoreflect.FieldDescriptor) string {
	kind := f.Kind().String()
	switch {
	case f.IsMap():
		kind = fmt.Sprintf("map of %s to %s", f.MapKey().Kind(), f.MapValue().Kind())
	case f.Message() != nil:
		kind = string(f.Message().Name())
	case f.Enum() != nil:
		kind = string(f.Enum().Name())
	}
	if f.IsList() {
		kind = "list of " + kind
	}
	if one := f.ContainingOneof(); one != nil {
		kind += ", one of " + string(one.Name())
	}
	return fmt.Sprintf("%d `%s` (%s)", f.Number(), f.Name(), kind)
}

func enums(list protoreflect.EnumDescriptors, prefix string) string {
	out := ""
	for i := range list.Len() {
		e := list.Get(i)
		var values []string
		for j := range e.Values().Len() {
			values = append(values, fmt.Sprintf("%d `%s`", e.Values().Get(j).Number(), e.Values().Get(j).Name()))
		}
		out += fmt.Sprintf("| `%s%s` | %s |\n", prefix, e.Name(), strings.Join(values, ", "))
	}
	return out
}
