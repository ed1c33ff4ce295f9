package testreport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// utf8Reader returns a reader of the same XML in UTF-8: a byte order mark is
// dropped and Latin-1 is converted. Other encodings are refused.
func utf8Reader(r *bufio.Reader) (*bufio.Reader, error) {
	start, err := r.Peek(200)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return nil, errors.New("it is UTF-16; write it as UTF-8")
	case bytes.HasPrefix(start, []byte("\ufeff")):
		_, err := r.Discard(len("\ufeff"))
		return r, err
	}
	switch encoding := declaredEncoding(start); encoding {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return r, nil
	case "iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252":
		return bufio.NewReaderSize(&latin1Reader{r: r}, 64<<10), nil
	default:
		return nil, fmt.Errorf("the encoding %q is not read; write it as UTF-8", encoding)
	}
}

// declaredEncoding returns the encoding in <?xml … encoding="…"?>, in small letters.
func declaredEncoding(start []byte) string {
	declaration, _, found := bytes.Cut(bytes.TrimLeft(start, " \t\r\n"), []byte("?>"))
	if !found || !bytes.HasPrefix(declaration, []byte("<?xml")) {
		return ""
	}
	_, value, found := strings.Cut(string(declaration), "encoding")
	if !found {
		return ""
	}
	value = strings.TrimLeft(value, " =\t\r\n")
	if value == "" || (value[0] != '"' && value[0] != '\'') {
		return ""
	}
	name, _, _ := strings.Cut(value[1:], value[:1])
	return strings.ToLower(name)
}

// latin1Reader makes UTF-8 of Latin-1, where each byte is a character.
type latin1Reader struct {
	r    *bufio.Reader
	rest []byte // of a character that did not fit
}

func (l *latin1Reader) Read(p []byte) (n int, err error) {
	n = copy(p, l.rest)
	l.rest = l.rest[n:]
	var char [utf8.UTFMax]byte
	for n < len(p) {
		b, err := l.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil // the error comes again
			}
			return 0, err
		}
		size := utf8.EncodeRune(char[:], rune(b))
		written := copy(p[n:], char[:size])
		l.rest = append(l.rest[:0], char[written:size]...)
		n += written
	}
	return n, nil
}
