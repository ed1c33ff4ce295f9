package span

// Skip steps over one value of any kind, and gives its text.
func (r *Reader) Skip() (raw string, err error) {
	r.space()
	start := r.at
	if err := r.skip(); err != nil {
		return "", err
	}
	return r.text[start:r.at], nil
}

func (r *Reader) skip() error {
	switch r.Kind() {
	case '{':
		return r.skipAll('{', '}')
	case '[':
		return r.skipAll('[', ']')
	case '"':
		_, _, err := r.quoted()
		return err
	case '0':
		return r.number()
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	}
	if r.at >= len(r.text) {
		return r.Fail("the text ends too early")
	}
	return r.Fail("no JSON value begins like this")
}

func (r *Reader) skipAll(opening, closing byte) error {
	if err := r.open(opening, ""); err != nil {
		return err
	}
	for first := true; ; first = false {
		if done, err := r.next(closing, first); err != nil || done {
			r.depth--
			return err
		}
		if closing == '}' {
			if r.space(); r.at >= len(r.text) || r.text[r.at] != '"' {
				return r.Fail("a key in quotes should stand here")
			}
			if _, _, err := r.quoted(); err != nil {
				return err
			}
			if r.space(); r.at >= len(r.text) || r.text[r.at] != ':' {
				return r.Fail("a colon should stand here")
			}
			r.at++
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

func (r *Reader) word(w string) error {
	if len(r.text)-r.at < len(w) || r.text[r.at:r.at+len(w)] != w {
		return r.Fail("no JSON value begins like this")
	}
	r.at += len(w)
	return nil
}

func (r *Reader) number() error {
	if r.text[r.at] == '-' {
		r.at++
	}
	whole := r.at
	if !r.digits() {
		return r.Fail("a number without digits")
	}
	if r.text[whole] == '0' && r.at > whole+1 {
		return r.Fail("a number that begins with 0")
	}
	if r.at < len(r.text) && r.text[r.at] == '.' {
		r.at++
		if !r.digits() {
			return r.Fail("a number that ends with its point")
		}
	}
	if r.at < len(r.text) && r.text[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.text) && (r.text[r.at] == '+' || r.text[r.at] == '-') {
			r.at++
		}
		if !r.digits() {
			return r.Fail("a number without exponent")
		}
	}
	return nil
}

// digits steps over digits, and tells whether there was one.
func (r *Reader) digits() bool {
	start := r.at
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at > start
}
