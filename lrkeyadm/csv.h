/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CSV as in RFC 4180, but with LF alone at the end of lines. */
#ifndef LRKEYADM_CSV_H
#define LRKEYADM_CSV_H

#include "fields.h"
#include "sink.h"

void csv_headings(struct sink *sink, const struct columns *columns);
void csv_key(struct sink *sink, const struct columns *columns, const struct key_view *view);

#endif
