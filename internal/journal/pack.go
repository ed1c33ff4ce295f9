package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A pack is a message of the stream of events that holds several, with sequences in a row: the log's cost is by the message, more than by the byte. It is a byte that says how it is written, the sequence of its first event
// and how many it has (varints), and of each event its kind, behind "APP." where the pack is of several apps, and its data, with their lengths first. Events that were written before there were packs are messages of their
// own, and their sequence is the stream's.
const (
	packPlain = 1
	packZstd  = 2
	// packKind ends the subject of a pack: "events.APP.pack". severalApps, which no app is called, stands for several.
	packKind    = "pack"
	severalApps = "_"
	// shortPack is how many bytes are not worth packing tighter, and longPack how many events take together: an event that is larger has a pack of its own.
	shortPack = 512
	longPack  = 1 << 20
	// widePack is how many bytes a pack has at most once it is read.
	widePack = maxMessage + 64<<10
)

// errPack is a pack that this program cannot read.
var errPack = errors.New("the log has a pack of events that cannot be read; was it written by a newer program?")

// packer writes and reads packs.
type packer struct {
	tight *zstd.Encoder
	loose *zstd.Decoder
}

func newPacker() (*packer, error) {
	tight, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(256<<10)) // the log has a sum of its own
	if err != nil {
		return nil, fmt.Errorf("make a packer of events: %w", err)
	}
	loose, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(widePack))
	if err != nil {
		return nil, fmt.Errorf("make a reader of packed events: %w", err)
	}
	return &packer{tight, loose}, nil
}

// appOf is whose an event is, and kindOf what it is: its subject is "events.APP.KIND", or "events.APP".
func appOf(subject string) string {
	app, _, _ := strings.Cut(strings.TrimPrefix(subject, eventsPrefix), ".")
	return app
}

func kindOf(subject string) string {
	_, kind, _ := strings.Cut(strings.TrimPrefix(subject, eventsPrefix), ".")
	return kind
}

// pack makes one message of events.
func (p *packer) pack(first uint64, events []message) message {
	size, app := 0, appOf(events[0].subject)
	for _, m := range events {
		size += len(m.subject) + len(m.data) + 2*binary.MaxVarintLen64
		if app != severalApps && appOf(m.subject) != app {
			app = severalApps
		}
	}
	head := binary.AppendUvarint(binary.AppendUvarint([]byte{packPlain}, first), uint64(len(events)))
	body := make([]byte, 0, size)
	for _, m := range events {
		kind := strings.TrimPrefix(m.subject, eventsPrefix)
		if app != severalApps {
			kind = kindOf(m.subject)
		}
		body = framed(framed(body, []byte(kind)), m.data)
	}
	subject := eventsPrefix + app + "." + packKind
	if len(body) > shortPack {
		head[0] = packZstd
		return message{subject: subject, data: p.tight.EncodeAll(body, append(make([]byte, 0, len(head)+len(body)/4), head...))}
	}
	return message{subject: subject, data: append(head, body...)}
}

// together is how many of the first events make one pack.
func together(events []message) (n int) {
	for size := 0; n < len(events); n++ {
		if size += len(events[n].data); n > 0 && size > longPack {
			break
		}
	}
	return n
}

// spanOf is which events a message of the stream has.
func spanOf(m Telemetry) (span, error) {
	if kindOf(m.Subject) != packKind {
		return span{m.Sequence, m.Sequence + 1}, nil
	}
	first, n, _, err := packHead(m.Data)
	return span{first, first + n}, err
}

func packHead(data []byte) (first, n uint64, rest []byte, err error) {
	if len(data) == 0 || data[0] != packPlain && data[0] != packZstd {
		return 0, 0, nil, errPack
	}
	rest = data[1:]
	for _, v := range []*uint64{&first, &n} {
		value, size := binary.Uvarint(rest)
		if size <= 0 {
			return 0, 0, nil, errPack
		}
		*v, rest = value, rest[size:]
	}
	if first == 0 || n == 0 || first+n < first {
		return 0, 0, nil, errPack
	}
	return first, n, rest, nil
}

// unpack adds the events of a message of the stream to some.
func (p *packer) unpack(to []Telemetry, m Telemetry) ([]Telemetry, error) {
	if kindOf(m.Subject) != packKind {
		return append(to, m), nil
	}
	first, n, body, err := packHead(m.Data)
	if err != nil {
		return to, err
	}
	if m.Data[0] == packZstd {
		if body, err = p.loose.DecodeAll(body, nil); err != nil {
			return to, fmt.Errorf("%w (%w)", errPack, err)
		}
	}
	app := strings.TrimSuffix(m.Subject, "."+packKind)
	prefix := app + "."
	if app == eventsPrefix+severalApps {
		prefix = eventsPrefix
	}
	subjects := map[string]string{"": app}
	for i := range n {
		var kind, data []byte
		if kind, body, err = unframed(body); err != nil {
			return to, err
		}
		if data, body, err = unframed(body); err != nil {
			return to, err
		}
		subject, ok := subjects[string(kind)]
		if !ok {
			subject = prefix + string(kind)
			subjects[string(kind)] = subject
		}
		to = append(to, Telemetry{Sequence: first + i, Subject: subject, Data: data, Time: m.Time})
	}
	if len(body) > 0 {
		return to, errPack
	}
	return to, nil
}

func framed(to, what []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(what))), what...)
}

// unframed takes what was framed; it has no room behind it, so that who appends to it writes over nothing.
func unframed(from []byte) (what, rest []byte, err error) {
	n, size := binary.Uvarint(from)
	if size <= 0 || n > uint64(len(from)-size) {
		return nil, nil, errPack
	}
	end := size + int(n)
	return from[size:end:end], from[end:], nil
}
