// Package cjk holds a font for reports with Chinese, Japanese or Korean text: Droid Sans Fallback, 3.4 MB.
// It is a module of its own, so that only programs which ask for it carry it.
//
//	fonts := [][]byte{cjk.TTF()} // once, when the program starts
//	err := export.WritePDF(ctx, w, report, &export.PDFOptions{Fonts: fonts})
//
// # Limits
//
// The font has the Kana, the 20,902 Han characters from U+4E00 to U+9FA5 and all Hangul syllables, in one
// weight, and no Latin letters, which reports have from elsewhere. Han characters have the look of mainland
// China in all languages. Rarer ones, above all those beyond U+FFFF, are missing; in a report they stand as
// marks with their code points.
//
// # License
//
// Copyright 2006 to 2010 Google Corp., under the Apache License, Version 2.0, which is beside the font.
package cjk

import _ "embed"

//go:embed DroidSansFallback.ttf
var font string

// TTF returns the font as a TrueType file, a copy that is the caller's. To keep it is cheaper than to call
// TTF for every report.
func TTF() []byte { return []byte(font) }
