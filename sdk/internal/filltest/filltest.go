// Package filltest finds fields that a conversion forgot: it fills Go values so that no field is zero,
// and notes which protobuf fields were ever set on the way over the wire.
package filltest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Filler fills values. Each value it makes differs from those before.
type Filler struct {
	// Pick gives the values for types and for fields by name that must have a certain form. A pick
	// cycles through its list.
	Pick map[string][]any
	// After, if set, is called with each struct that was filled, to mend what cannot all be set.
	After func(round int, value any)

	n, round int
	picked   map[string]int
}

// next counts how often a key was picked.
func (f *Filler) next(key string) int {
	if f.picked == nil {
		f.picked = map[string]int{}
	}
	f.picked[key]++
	return f.picked[key]
}

// Fill fills the value that pointer points to.
func (f *Filler) Fill(pointer any) {
	f.round++
	f.value(reflect.ValueOf(pointer).Elem(), "")
}

func (f *Filler) value(v reflect.Value, field string) {
	f.n++
	for _, key := range []string{v.Type().String(), field} {
		if picks := f.Pick[key]; len(picks) > 0 {
			v.Set(reflect.ValueOf(picks[f.next(key)%len(picks)]).Convert(v.Type()))
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.value(v.Field(i), v.Type().Field(i).Name)
		}
		if f.After != nil {
			f.After(f.round, v.Addr().Interface())
		}
	case reflect.Slice:
		f.slice(v)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(f.text()), reflect.ValueOf(f.text()))
	case reflect.String:
		v.SetString(f.text())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
		if v.Type() == reflect.TypeFor[time.Duration]() {
			v.SetInt(int64(f.n) * int64(time.Millisecond))
		}
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n))
	default:
		panic(fmt.Sprintf("filltest cannot fill %s", v.Type()))
	}
}

func (f *Filler) slice(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes(fmt.Appendf(nil, `{"n":%d}`, f.n))
	case reflect.TypeFor[[]byte]():
		v.SetBytes([]byte(f.text()))
	default:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.value(v.Index(i), "")
		}
	}
}

// text returns a text that is a valid id and sorts after the ones before.
func (f *Filler) text() string {
	f.n++
	return fmt.Sprintf("s%06d", f.n)
}

// Conn passes calls on and notes the fields of each message.
type Conn struct {
	grpc.ClientConnInterface

	mu   sync.Mutex
	seen map[string]bool
}

// Invoke implements grpc.ClientConnInterface.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	err := c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	c.note(args)
	c.note(reply)
	return err
}

// NewStream implements grpc.ClientConnInterface.
func (c *Conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	return &notedStream{stream, c}, err
}

type notedStream struct {
	grpc.ClientStream
	conn *Conn
}

// SendMsg implements grpc.ClientStream.
func (s *notedStream) SendMsg(m any) error {
	s.conn.note(m)
	return s.ClientStream.SendMsg(m)
}

// RecvMsg implements grpc.ClientStream.
func (s *notedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	s.conn.note(m)
	return err
}

func (c *Conn) note(message any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.noteFields(message.(proto.Message).ProtoReflect())
}

func (c *Conn) noteFields(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		c.seen[string(field.FullName())] = true
		switch {
		case field.IsMap():
		case field.Enum() != nil:
			c.seen[fmt.Sprintf("%s=%d", field.FullName(), value.Enum())] = true
		case field.Message() != nil && field.IsList():
			for i := range value.List().Len() {
				c.noteFields(value.List().Get(i).Message())
			}
		case field.Message() != nil:
			c.noteFields(value.Message())
		}
		return true
	})
}

// Missing returns the fields and the enum values of a file's messages that no call used, sorted.
func (c *Conn) Missing(file protoreflect.FileDescriptor) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	var walk func(list protoreflect.MessageDescriptors)
	walk = func(list protoreflect.MessageDescriptors) {
		for i := range list.Len() {
			if list.Get(i).IsMapEntry() {
				continue
			}
			for j := range list.Get(i).Fields().Len() {
				missing = append(missing, c.missing(list.Get(i).Fields().Get(j))...)
			}
			walk(list.Get(i).Messages())
		}
	}
	walk(file.Messages())
	slices.Sort(missing)
	return missing
}

func (c *Conn) missing(field protoreflect.FieldDescriptor) []string {
	var missing []string
	if !c.seen[string(field.FullName())] {
		missing = append(missing, string(field.FullName()))
	}
	if field.Enum() == nil {
		return missing
	}
	for i := range field.Enum().Values().Len() {
		number := field.Enum().Values().Get(i).Number()
		if key := fmt.Sprintf("%s=%d", field.FullName(), number); number != 0 && !c.seen[key] {
			missing = append(missing, key)
		}
	}
	return missing
}
