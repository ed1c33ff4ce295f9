package testreport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlScanner splits XML into tokens. It is there instead of encoding/xml
// because real reports hold what XML forbids (escape sequences, invalid
// UTF-8, control characters) and because a text of 100 MB must not be one
// token. It knows the five named entities and numeric ones; a DOCTYPE, which
// could define others, is refused.
type xmlScanner struct {
	r       *bufio.Reader
	line    int      // from 1
	open    []string // the elements around the next token
	pending string   // the end tag of an element that was empty
	inCDATA bool
}

// xmlToken is a start tag, an end tag or a piece of text. A long text comes in
// several pieces.
type xmlToken struct {
	start, end string // the element's name without its namespace
	attrs      map[string]string
	text       string
}

const (
	maxXMLDepth = 100     // nested elements
	maxXMLName  = 256     // bytes
	maxXMLValue = 8 << 10 // bytes of an attribute that are kept
	xmlPiece    = 4 << 10 // bytes of text in one token
)

// fail is an error with the line it was found in.
func (s *xmlScanner) fail(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", s.line, fmt.Sprintf(format, args...))
}

func (s *xmlScanner) byte() (byte, error) {
	b, err := s.r.ReadByte()
	if b == '\n' && err == nil {
		s.line++
	}
	if errors.Is(err, io.EOF) {
		if len(s.open) > 0 {
			return 0, s.fail("the report ends inside <%s>", s.open[len(s.open)-1])
		}
		return 0, s.fail("the report ends inside a tag")
	}
	return b, err
}

// next returns the next token. It must not be called once depth is back to 0.
func (s *xmlScanner) next() (xmlToken, error) {
	if s.pending != "" {
		name := s.pending
		s.pending = ""
		s.open = s.open[:len(s.open)-1]
		return xmlToken{end: name}, nil
	}
	if s.inCDATA {
		return s.cdataPiece()
	}
	for {
		b, err := s.byte()
		if err != nil {
			return xmlToken{}, err
		}
		if b != '<' {
			return s.textFrom(b)
		}
		token, found, err := s.markup()
		if err != nil || found {
			return token, err
		}
	}
}

// textFrom reads text up to the next tag.
func (s *xmlScanner) textFrom(b byte) (xmlToken, error) {
	var text []byte
	for {
		if b == '&' {
			r, err := s.entity()
			if err != nil {
				return xmlToken{}, err
			}
			text = utf8.AppendRune(text, r)
		} else {
			text = append(text, b)
		}
		next, err := s.r.Peek(1)
		if err != nil || next[0] == '<' || len(text) >= xmlPiece {
			return xmlToken{text: string(text)}, nil
		}
		if b, err = s.byte(); err != nil {
			return xmlToken{}, err
		}
	}
}

// markup reads what follows a <. Comments and instructions are no token.
func (s *xmlScanner) markup() (token xmlToken, found bool, err error) {
	b, err := s.byte()
	if err != nil {
		return token, false, err
	}
	switch b {
	case '?':
		return token, false, s.skipPast("?>")
	case '/':
		token, err = s.endTag()
		return token, true, err
	case '!':
		return s.declaration()
	}
	token, err = s.startTag(b)
	return token, true, err
}

// declaration reads what follows <!: a comment, CDATA, or a DOCTYPE.
func (s *xmlScanner) declaration() (token xmlToken, found bool, err error) {
	if ahead, _ := s.r.Peek(2); string(ahead) == "--" {
		_, _ = s.r.Discard(2)
		return token, false, s.skipPast("-->")
	}
	if ahead, _ := s.r.Peek(7); string(ahead) == "[CDATA[" {
		_, _ = s.r.Discard(7)
		s.inCDATA = true
		token, err = s.cdataPiece()
		return token, true, err
	}
	return token, false, s.fail("a DOCTYPE or a declaration is not read: it could define entities; remove it")
}

// skipPast reads up to and with a mark of two or three bytes.
func (s *xmlScanner) skipPast(mark string) error {
	last := make([]byte, len(mark))
	for string(last) != mark {
		b, err := s.byte()
		if err != nil {
			return err
		}
		copy(last, last[1:])
		last[len(last)-1] = b
	}
	return nil
}

// cdataPiece returns the next piece of a CDATA section.
func (s *xmlScanner) cdataPiece() (xmlToken, error) {
	var text []byte
	for len(text) < xmlPiece {
		b, err := s.byte()
		if err != nil {
			return xmlToken{}, err
		}
		if ahead, _ := s.r.Peek(2); b == ']' && string(ahead) == "]>" {
			_, _ = s.r.Discard(2)
			s.inCDATA = false
			break
		}
		text = append(text, b)
	}
	return xmlToken{text: string(text)}, nil
}

// entity reads what follows an &.
func (s *xmlScanner) entity() (rune, error) {
	const longest = 12
	var name []byte
	for {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		if b == ';' {
			break
		}
		if name = append(name, b); len(name) > longest {
			return 0, s.fail("an & that begins no entity (%q); write &amp;", name)
		}
	}
	switch string(name) {
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "amp":
		return '&', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	if digits, numeric := strings.CutPrefix(string(name), "#"); numeric {
		base := 10
		if hex, ok := strings.CutPrefix(strings.ToLower(digits), "x"); ok {
			digits, base = hex, 16
		}
		code, err := strconv.ParseUint(digits, base, 32)
		if err == nil && code <= utf8.MaxRune {
			return rune(code), nil // control characters are cleaned with the text
		}
	}
	return 0, s.fail("the entity &%s; is not known; only lt, gt, amp, quot, apos and numbers are", name)
}
