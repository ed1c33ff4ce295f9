package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// File is what the archive has of a day of an app: its events, or its failed events.
type File struct {
	App    string    `json:"app"`
	Day    time.Time `json:"day"`
	Failed bool      `json:"failed,omitempty"`
	// The file accounts for the log from behind After up to Through.
	After   uint64 `json:"after"`
	Through uint64 `json:"through"`
	Events  int64  `json:"events"`
	// Digest is of all rows in their order.
	Digest string `json:"-"`
}

// suffix ends the names of files; failedFolder is that of failed events, apart, so that who reads all files of an app's folder has events alone.
const suffix, failedFolder = ".parquet", "failed/"

func (f File) name() string {
	folder := f.App + "/"
	if f.Failed {
		folder += failedFolder
	}
	return folder + f.Day.Format(time.DateOnly) + suffix
}

// The keys of a file's metadata.
const (
	keyApp, keyDay, keyAfter, keyThrough, keyDigest = "slipway.app", "slipway.day", "slipway.after", "slipway.through", "slipway.digest"
	// keyContent is there in files of failed events alone.
	keyContent, contentFailed = "slipway.content", "failed"
)

const (
	// groupRows and groupBytes bound what is in memory while a file is written.
	groupRows, groupBytes = 100_000, 32 << 20
	// batchRows and batchBytes bound what is handed on at once.
	batchRows, batchBytes = 20_000, 32 << 20
	// readRows is how many are decoded at once.
	readRows = 1000
)

// writer writes the records of a file.
type writer[T any, P pointer[T]] struct {
	out   *parquet.GenericWriter[T]
	sum   *digest
	head  File
	rows  int
	bytes int
}

func newWriter[T any, P pointer[T]](to io.Writer, head File) *writer[T, P] {
	head.Events = 0
	return &writer[T, P]{out: parquet.NewGenericWriter[T](to, parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel})), sum: newDigest(), head: head}
}

func (w *writer[T, P]) add(records []T) error {
	for i := range records {
		w.sum.add(P(&records[i]))
		w.bytes += P(&records[i]).size()
	}
	if _, err := w.out.Write(records); err != nil {
		return err
	}
	w.head.Events += int64(len(records))
	if w.rows += len(records); w.rows < groupRows && w.bytes < groupBytes {
		return nil
	}
	w.rows, w.bytes = 0, 0
	return w.out.Flush()
}

// close ends the file and tells what is in it.
func (w *writer[T, P]) close() (File, error) {
	w.head.Digest = w.sum.String()
	if w.head.Failed {
		w.out.SetKeyValueMetadata(keyContent, contentFailed)
	}
	for key, value := range map[string]string{
		keyApp: w.head.App, keyDay: w.head.Day.Format(time.DateOnly), keyAfter: strconv.FormatUint(w.head.After, 10), keyThrough: strconv.FormatUint(w.head.Through, 10), keyDigest: w.head.Digest,
	} {
		w.out.SetKeyValueMetadata(key, value)
	}
	return w.head, w.out.Close()
}

// sound runs what reads a file. Bytes that are no Parquet make the library err, or panic.
func sound(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it cannot be decoded: %v", r)
		}
	}()
	return fn()
}

// readHead reads a file's metadata.
func readHead(from io.ReaderAt, size int64) (head File, err error) {
	err = sound(func() error {
		f, err := parquet.OpenFile(from, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		look := func(key string) string {
			value, ok := f.Lookup(key)
			if !ok {
				err = errors.Join(err, fmt.Errorf("its metadata has no %s", key))
			}
			return value
		}
		what, _ := f.Lookup(keyContent)
		head = File{App: look(keyApp), Digest: look(keyDigest), Events: f.NumRows(), Failed: what == contentFailed}
		day, after, through := look(keyDay), look(keyAfter), look(keyThrough)
		if err != nil {
			return err
		}
		var errs [3]error
		head.Day, errs[0] = time.Parse(time.DateOnly, day)
		head.After, errs[1] = strconv.ParseUint(after, 10, 64)
		head.Through, errs[2] = strconv.ParseUint(through, 10, 64)
		return errors.Join(errs[:]...)
	})
	return head, err
}

// readRecords hands on a file's rows, or some of their columns, a few at a time. They are fn's until it returns.
func readRecords[T any](from io.ReaderAt, size int64, fn func([]T) error) error {
	var r *parquet.GenericReader[T]
	err := sound(func() error {
		f, err := parquet.OpenFile(from, size, parquet.SkipBloomFilters(true))
		if err == nil {
			r = parquet.NewGenericReader[T](f)
		}
		return err
	})
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]T, readRows)
	for {
		clear(buf)
		n := 0
		err := sound(func() (err error) { n, err = r.Read(buf); return err })
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > 0 {
			if err := fn(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// verify reads all of a file, and tells whether it is what was written.
func verify(from io.ReaderAt, size int64) (File, error) {
	head, err := readHead(from, size)
	if err != nil {
		return head, err
	}
	var sum string
	if head.Failed {
		sum, err = summed[failedRecord](from, size)
	} else {
		sum, err = summed[record](from, size)
	}
	if err == nil && sum != head.Digest {
		err = errors.New("its events are not those that were written")
	}
	return head, err
}

// summed is the digest of a file's records.
func summed[T any, P pointer[T]](from io.ReaderAt, size int64) (string, error) {
	sum := newDigest()
	err := readRecords(from, size, func(some []T) error {
		for i := range some {
			sum.add(P(&some[i]))
		}
		return nil
	})
	return sum.String(), err
}

// scratch is a file without a name, which is gone when it is closed, whatever happens.
func scratch(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
