#include "svg.h"

#include <math.h>

enum { SVG_LINES = 5 /* of a grid, about */ };

void
svg_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        default:
            (void)fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
        }
    }
}

/* ---- Axes ---- */

/* 1, 2 or 5 times a power of ten. */
static double
svg_step(double span)
{
    const double rough = span / SVG_LINES, power = pow(10, floor(log10(rough)));

    if (rough / power < 1.5)
        return power;
    if (rough / power < 3.5)
        return 2 * power;
    return rough / power < 7.5 ? 5 * power : 10 * power;
}

void
svg_fit(svg_axis *axis)
{
    double step;

    if (axis->logarithmic) {
        axis->min = axis->min > 0 ? pow(10, floor(log10(axis->min))) : 1;
        axis->max = axis->max > axis->min ? pow(10, ceil(log10(axis->max))) : axis->min * 10;
        return;
    }
    if (axis->max <= axis->min)
        axis->max = axis->min + 1;
    step = svg_step(axis->max - axis->min);
    axis->min = floor(axis->min / step) * step;
    axis->max = ceil(axis->max / step) * step;
}

static double
svg_part(const svg_axis *axis, double value)
{
    double part;

    if (axis->logarithmic)
        part = log(fmax(value, axis->min) / axis->min) / log(axis->max / axis->min);
    else
        part = (value - axis->min) / (axis->max - axis->min);
    return fmin(fmax(part, 0), 1);
}

static double
svg_x(const svg_plot *p, double value)
{
    return p->left + svg_part(&p->x, value) * (p->width - p->left - p->right);
}

static double
svg_y(const svg_plot *p, double value)
{
    return p->height - p->bottom - svg_part(&p->y, value) * (p->height - p->top - p->bottom);
}

static void
svg_y_line(const svg_plot *p, double value)
{
    const double at = svg_y(p, value);
    char text[32] = "";

    p->y.format(value, text, sizeof text);
    (void)fprintf(p->out, "<line class=g x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", p->left,
                  p->width - p->right, at, at);
    (void)fprintf(p->out, "<text class=e x=%.1f y=%.1f>", p->left - 6, at + 4);
    svg_text(p->out, text);
    (void)fputs("</text>", p->out);
}

static void
svg_x_line(svg_plot *p, double value)
{
    char text[32] = "";

    p->x.format(value, text, sizeof text);
    svg_tick(p, value, text);
}

typedef void svg_mark(svg_plot *p, double value);

static void
svg_y_mark(svg_plot *p, double value)
{
    svg_y_line(p, value);
}

static void
svg_marks(svg_plot *p, const svg_axis *axis, svg_mark *mark)
{
    if (axis->format == NULL)
        return;
    if (axis->logarithmic) {
        const int decades = (int)(log10(axis->max / axis->min) + 0.5);

        for (int i = 0; i <= decades; i++)
            mark(p, axis->min * pow(10, i));
        return;
    }
    {
        const double step = svg_step(axis->max - axis->min);
        const int count = (int)((axis->max - axis->min) / step + 0.5);

        for (int i = 0; i <= count; i++)
            mark(p, axis->min + i * step);
    }
}

/* ---- Plots ---- */

void
svg_begin(svg_plot *p, FILE *out, double width, double height, const char *kind, const char *title)
{
    p->out = out;
    p->width = width;
    p->height = height;
    p->left = 58;
    p->right = 14;
    p->top = 26;
    p->bottom = 44;
    (void)fprintf(out, "<svg class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=img aria-label=\"", kind,
                  width, height);
    svg_text(out, title);
    (void)fputs("\">", out);
    svg_marks(p, &p->y, svg_y_mark);
    svg_marks(p, &p->x, svg_x_line);
    (void)fprintf(out, "<text class=l x=4 y=14>%s</text>", p->y.label);
    (void)fprintf(out, "<text class=m x=%.1f y=%.1f>%s</text>", (p->left + p->width - p->right) / 2,
                  p->height - 6, p->x.label);
}

void
svg_end(svg_plot *p)
{
    (void)fputs("</svg>\n", p->out);
}

void
svg_tick(svg_plot *p, double x, const char *text)
{
    const double at = svg_x(p, x), base = p->height - p->bottom;

    (void)fprintf(p->out, "<line class=g x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", at, at, p->top, base);
    (void)fprintf(p->out, "<text class=m x=%.1f y=%.1f>", at, base + 16);
    svg_text(p->out, text);
    (void)fputs("</text>", p->out);
}

void
svg_line(svg_plot *p, const double *x, const double *y, size_t count, uint32_t series, bool dots)
{
    (void)fprintf(p->out, "<polyline class=\"p s%u\" points=\"", (unsigned)series);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(p->out, "%.1f,%.1f ", svg_x(p, x[i]), svg_y(p, y[i]));
    (void)fputs("\" />", p->out);
    for (size_t i = 0; i < count && dots; i++)
        (void)fprintf(p->out, "<circle class=\"d s%u\" cx=%.1f cy=%.1f r=3.5 />", (unsigned)series,
                      svg_x(p, x[i]), svg_y(p, y[i]));
}

void
svg_ring(svg_plot *p, double x, double y, uint32_t series, const char *text)
{
    (void)fprintf(p->out, "<circle class=\"p s%u\" cx=%.1f cy=%.1f r=8><title>", (unsigned)series,
                  svg_x(p, x), svg_y(p, y));
    svg_text(p->out, text);
    (void)fputs("</title></circle>", p->out);
}

void
svg_bar(FILE *out, double part, uint32_t series)
{
    (void)fprintf(
        out,
        "<svg class=bar viewBox=\"0 0 1000 20\" preserveAspectRatio=none aria-hidden=true>"
        "<rect class=\"f s%u\" width=%.1f height=20 /></svg>",
        (unsigned)series, fmax(part * 1000, 2));
}
