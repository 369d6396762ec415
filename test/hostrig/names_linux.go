package hostrig

import (
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// serveNames answers DNS over UDP on both resolvers' addresses, as long as this process lives.
func (i *Internet) serveNames() error {
	for _, address := range []string{ResolverAddress, "8.8.8.8"} {
		var socket net.PacketConn
		err := i.world.do(func() (err error) {
			socket, err = net.ListenPacket("udp4", net.JoinHostPort(address, "53"))
			return err
		})
		if err != nil {
			return err
		}
		go i.answerNames(socket)
	}
	return nil
}

func (i *Internet) answerNames(socket net.PacketConn) {
	for buffer := make([]byte, 1500); ; {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply, err := i.answer(buffer[:n]); err == nil {
			_, _ = socket.WriteTo(reply, from)
		}
	}
}

// answer replies to the first question of a query.
func (i *Internet) answer(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	addresses := i.lookUp(strings.TrimSuffix(strings.ToLower(question.Name.String()), "."))
	header.Response, header.RecursionAvailable = true, true
	if addresses == nil {
		header.RCode = dnsmessage.RCodeNameError
	}
	builder := dnsmessage.NewBuilder(nil, header)
	if err := builder.StartQuestions(); err != nil {
		return nil, err
	}
	if err := builder.Question(question); err != nil {
		return nil, err
	}
	if err := builder.StartAnswers(); err != nil {
		return nil, err
	}
	resource := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: 60}
	for _, address := range addresses {
		switch {
		case question.Type == dnsmessage.TypeA && address.Is4():
			err = builder.AResource(resource, dnsmessage.AResource{A: address.As4()})
		case question.Type == dnsmessage.TypeAAAA && address.Is6():
			err = builder.AAAAResource(resource, dnsmessage.AAAAResource{AAAA: address.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	return builder.Finish()
}

// lookUp returns nil for a name that does not exist.
func (i *Internet) lookUp(name string) []netip.Addr {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.names[name]
}
