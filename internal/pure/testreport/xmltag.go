package testreport

import (
	"strings"
	"unicode/utf8"
)

// startTag reads a start tag after its <; b is the first byte of its name.
func (s *xmlScanner) startTag(b byte) (xmlToken, error) {
	name, b, err := s.name(b)
	if err != nil {
		return xmlToken{}, err
	}
	if len(s.open) >= maxXMLDepth {
		return xmlToken{}, s.fail("elements are nested deeper than %d", maxXMLDepth)
	}
	s.open = append(s.open, name)
	token := xmlToken{start: local(name), attrs: make(map[string]string)}
	for {
		if b, err = s.skipBlanks(b); err != nil {
			return token, err
		}
		switch b {
		case '>':
			return token, nil
		case '/':
			if b, err = s.byte(); err != nil {
				return token, err
			}
			if b != '>' {
				return token, s.fail("expected > after / in <%s>", name)
			}
			s.pending = local(name)
			return token, nil
		}
		if b, err = s.attribute(b, name, token.attrs); err != nil {
			return token, err
		}
	}
}

// endTag reads an end tag after its </.
func (s *xmlScanner) endTag() (xmlToken, error) {
	b, err := s.byte()
	if err != nil {
		return xmlToken{}, err
	}
	name, b, err := s.name(b)
	if err != nil {
		return xmlToken{}, err
	}
	if b, err = s.skipBlanks(b); err != nil {
		return xmlToken{}, err
	}
	if b != '>' {
		return xmlToken{}, s.fail("expected > at the end of </%s", name)
	}
	if len(s.open) == 0 || s.open[len(s.open)-1] != name {
		return xmlToken{}, s.fail("</%s> closes what is not open", name)
	}
	s.open = s.open[:len(s.open)-1]
	return xmlToken{end: local(name)}, nil
}

// name reads a name that begins with b, and returns the byte after it.
func (s *xmlScanner) name(b byte) (string, byte, error) {
	var name []byte
	for isNameByte(b) {
		if name = append(name, b); len(name) > maxXMLName {
			return "", 0, s.fail("a name longer than %d bytes", maxXMLName)
		}
		var err error
		if b, err = s.byte(); err != nil {
			return "", 0, err
		}
	}
	if len(name) == 0 || strings.IndexByte("-.0123456789", name[0]) >= 0 {
		return "", 0, s.fail("expected a name, found %q; a < in text is written &lt;", append(name, b))
	}
	return string(name), b, nil
}

func isNameByte(b byte) bool {
	return b >= utf8.RuneSelf || b == ':' || b == '_' || b == '-' || b == '.' ||
		(b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z')
}

// local returns a name without its namespace.
func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// skipBlanks returns the first byte from b on that is no blank.
func (s *xmlScanner) skipBlanks(b byte) (byte, error) {
	for isBlank(b) {
		var err error
		if b, err = s.byte(); err != nil {
			return 0, err
		}
	}
	return b, nil
}

// attribute reads one attribute of an element; b is the first byte of its
// name. It returns the byte after the closing quote. The first of two with the same name counts.
func (s *xmlScanner) attribute(b byte, element string, into map[string]string) (byte, error) {
	name, b, err := s.name(b)
	if err != nil {
		return 0, err
	}
	if b, err = s.skipBlanks(b); err != nil {
		return 0, err
	}
	if b != '=' {
		return 0, s.fail("the attribute %q of <%s> has no value", name, element)
	}
	if b, err = s.byte(); err == nil {
		b, err = s.skipBlanks(b)
	}
	if err != nil {
		return 0, err
	}
	if b != '"' && b != '\'' {
		return 0, s.fail("the value of the attribute %q of <%s> is not in quotes", name, element)
	}
	value, err := s.value(b)
	if err != nil {
		return 0, err
	}
	const most = 50 // attributes of one element that are kept
	if _, twice := into[local(name)]; !twice && len(into) < most {
		into[local(name)] = value
	}
	return s.byte()
}

// value reads up to the closing quote, and keeps the first maxXMLValue bytes.
func (s *xmlScanner) value(quote byte) (string, error) {
	var value []byte
	for {
		b, err := s.byte()
		if err != nil {
			return "", err
		}
		if b == quote {
			return string(value), nil
		}
		r, encoded := rune(0), false
		if b == '&' {
			if r, err = s.entity(); err != nil {
				return "", err
			}
			encoded = true
		}
		switch {
		case len(value) >= maxXMLValue:
		case encoded:
			value = utf8.AppendRune(value, r)
		default:
			value = append(value, b)
		}
	}
}
