package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// record is a row of a file. Its columns are those of the relation events, so that the same SQL asks both; times are in UTC, without a zone, as there.
type record struct {
	Seq         int64  `parquet:"seq,delta"`
	Received    int64  `parquet:"received,timestamp(microsecond:local),delta"`
	Time        int64  `parquet:"time,timestamp(microsecond:local),delta"`
	ClientTime  *int64 `parquet:"client_time,optional,timestamp(microsecond:local)"`
	Environment string `parquet:"environment,dict"`
	Source      string `parquet:"source,dict"`
	Kind        string `parquet:"kind,dict"`
	Name        string `parquet:"name,dict"`
	Visitor     string `parquet:"visitor"`
	User        string `parquet:"user_id,optional"`
	Anonymous   string `parquet:"anonymous_id,optional"`
	Previous    string `parquet:"previous_id,optional"`
	Group       string `parquet:"group_id,optional,dict"`
	Release     string `parquet:"release,optional,dict"`
	ID          string `parquet:"message_id"`
	Properties  string `parquet:"properties,optional"`
	Context     string `parquet:"context,optional"`
}

func recordOf(r analytics.Row) record {
	rec := record{
		Seq: int64(r.Sequence), Received: r.Received.UnixMicro(), Time: r.Time.UnixMicro(), Environment: r.Environment, Source: r.Source, Kind: string(r.Kind), Name: r.Name,
		Visitor: firstOf(r.User, r.Anonymous), User: r.User, Anonymous: r.Anonymous, Previous: r.Previous, Group: r.Group, Release: r.Release, ID: r.ID,
		Properties: string(r.Properties), Context: string(r.Context),
	}
	if !r.Original.IsZero() {
		t := r.Original.UnixMicro()
		rec.ClientTime = &t
	}
	return rec
}

// row makes a row that shares nothing with the file's pages.
func (rec *record) row() analytics.Row {
	r := analytics.Row{Sequence: uint64(rec.Seq), Event: capture.Event{
		ID: strings.Clone(rec.ID), Environment: strings.Clone(rec.Environment), Source: strings.Clone(rec.Source), Kind: capture.Kind(strings.Clone(rec.Kind)), Name: strings.Clone(rec.Name),
		User: strings.Clone(rec.User), Anonymous: strings.Clone(rec.Anonymous), Previous: strings.Clone(rec.Previous), Group: strings.Clone(rec.Group), Release: strings.Clone(rec.Release),
		Received: time.UnixMicro(rec.Received).UTC(), Time: time.UnixMicro(rec.Time).UTC(),
	}}
	if rec.ClientTime != nil {
		r.Original = time.UnixMicro(*rec.ClientTime).UTC()
	}
	if rec.Properties != "" {
		r.Properties = []byte(rec.Properties)
	}
	if rec.Context != "" {
		r.Context = []byte(rec.Context)
	}
	return r
}

// size is about what a record takes in memory.
func (rec *record) size() int { return 256 + len(rec.Properties) + len(rec.Context) }

// append adds all that a record says to bytes.
func (rec *record) append(b []byte) []byte {
	b = appendNumbers(b, rec.Seq, rec.Received, rec.Time, optional(rec.ClientTime))
	return appendTexts(b, rec.Environment, rec.Source, rec.Kind, rec.Name, rec.Visitor, rec.User, rec.Anonymous, rec.Previous, rec.Group, rec.Release, rec.ID, rec.Properties, rec.Context)
}

func appendNumbers(b []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func appendTexts(b []byte, texts ...string) []byte {
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// optional is a time that may be missing, as a number.
func optional(t *int64) int64 {
	if t == nil {
		return -1 << 63
	}
	return *t
}

// content is a record of either kind of file.
type content interface {
	append(b []byte) []byte
	size() int
}

// pointer is a pointer to a record.
type pointer[T any] interface {
	*T
	content
}

// digest sums up records, so that what is read can be told from what was written.
type digest struct {
	sum hash.Hash
	buf []byte
}

func newDigest() *digest { return &digest{sum: sha256.New()} }

func (d *digest) add(rec content) {
	d.buf = rec.append(d.buf[:0])
	d.sum.Write(d.buf)
}

func (d *digest) String() string { return hex.EncodeToString(d.sum.Sum(nil)) }
