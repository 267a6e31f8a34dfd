/* The curve of a run as a picture that needs nothing but a browser: no script, no fonts, no links.
 *
 * Colours are two of Okabe and Ito's (2008), apart for all kinds of colour vision, and the
 * validation curve is dashed and dotted besides, so that print in grey works too. Colours stand in
 * the rules as they are, not in variables of CSS, since not every viewer of pictures knows those.
 * Colours of paper and ink follow prefers-color-scheme. A long run is thinned to a point every so
 * many, evenly, the last one always in. Same points, same bytes. */
#include "jobs/store/metrics.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 760,
    HEIGHT = 440,
    LEFT = 72,
    RIGHT = 24,
    TOP = 56,
    BOTTOM = 56,
    TICKS_WANTED = 6,
    POINTS_SHOWN_MAX = 2000,
    DOTS_MAX = 80,
    FILE_MODE = 0644
};

/* An axis: numbers [low, high] to pixels [start, end], a tick every `step`. */
struct axis {
    double low, high, step;
    double start, end;
};

struct curve {
    const char *class, *label;
    double (*value_of)(const struct vain_curve_point *point);
};

static double training_loss(const struct vain_curve_point *point)
{
    return point->loss;
}

static double validation_loss(const struct vain_curve_point *point)
{
    return point->validation_loss;
}

static double accuracy_percent(const struct vain_curve_point *point)
{
    return 100 * point->accuracy;
}

static const struct curve loss_curves[] = {{"training", "training", training_loss},
                                           {"validation", "validation", validation_loss}};
static const struct curve accuracy_curves[] = {{"validation", "held out", accuracy_percent}};

/* A picture: its curves in one plot. */
static const struct picture {
    const char *values, *missing; /* label of the values; what is said where there are none */
    const struct curve *curves;
    int count;
} pictures[] = {
    [VAIN_PICTURE_LOSS] = {"loss (nats per token or example)", "no loss was measured yet",
                           loss_curves, 2},
    [VAIN_PICTURE_ACCURACY] = {"accuracy (%)", "no accuracy was measured yet", accuracy_curves, 1},
};

/* 1, 2 or 5 times a power of ten, so that about TICKS_WANTED fit. */
static double nice_step(double span)
{
    const double raw = span / TICKS_WANTED;
    const double power = pow(10.0, floor(log10(raw)));
    const double part = raw / power;
    return power * (part <= 1.0 ? 1.0 : part <= 2.0 ? 2.0 : part <= 5.0 ? 5.0 : 10.0);
}

static struct axis make_axis(double low, double high, double start, double end)
{
    if (!(high > low)) {
        const double room = low == 0 ? 1.0 : fabs(low) * 0.1;
        low -= room;
        high += room;
    }
    const double step = nice_step(high - low);
    return (struct axis){floor(low / step) * step, ceil(high / step) * step, step, start, end};
}

static double place(const struct axis *axis, double value)
{
    return axis->start + (value - axis->low) / (axis->high - axis->low) * (axis->end - axis->start);
}

static void add_escaped(struct vain_text *svg, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '&')
            vain_text_add(svg, "&amp;");
        else if (*at == '<')
            vain_text_add(svg, "&lt;");
        else if (*at == '>')
            vain_text_add(svg, "&gt;");
        else if (*at == '"')
            vain_text_add(svg, "&quot;");
        else if ((unsigned char)*at >= 0x20)
            vain_text_add_bytes(svg, at, 1);
    }
}

static void add_head(struct vain_text *svg, const char *title)
{
    vain_text_add(svg,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                  "height=\"%d\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">",
                  WIDTH, HEIGHT, WIDTH, HEIGHT);
    add_escaped(svg, title);
    vain_text_add(
        svg,
        "</title>\n<style>\n"
        "text{fill:#1b1b1b;font:13px system-ui,sans-serif}\n"
        ".name{font-size:16px;font-weight:600}\n"
        ".end{text-anchor:end}\n.middle{text-anchor:middle}\n"
        ".paper{fill:#ffffff}\n"
        ".grid{stroke:#dddddd;stroke-width:1}\n"
        ".axis{stroke:#1b1b1b;stroke-width:1;fill:none}\n"
        "polyline{fill:none;stroke-width:2;stroke-linejoin:round}\n"
        ".training{stroke:#0072b2}\ncircle.training{fill:#0072b2;stroke:none}\n"
        ".validation{stroke:#d55e00;stroke-dasharray:6 3}\n"
        "circle.validation{fill:#d55e00;stroke:none}\n"
        "@media (prefers-color-scheme:dark){\n"
        "text{fill:#e6e6e6}.paper{fill:#16181c}.grid{stroke:#3a3d44}.axis{stroke:#e6e6e6}\n"
        ".training{stroke:#56b4e9}circle.training{fill:#56b4e9}\n"
        ".validation{stroke:#e69f00}circle.validation{fill:#e69f00}\n}\n</style>\n"
        "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n<text class=\"name\" "
        "x=\"%d\" y=\"28\">",
        WIDTH, HEIGHT, LEFT);
    add_escaped(svg, title);
    vain_text_add(svg, "</text>\n");
}

static int tick_count(const struct axis *axis)
{
    return (int)lround((axis->high - axis->low) / axis->step) + 1;
}

/* Value of a tick as text, and exactly 0 where rounding would show -0 or 1e-17. */
static void tick_text(const struct axis *axis, int index, char out[32])
{
    const double value = axis->low + index * axis->step;
    snprintf(out, 32, "%.6g", fabs(value) < axis->step * 1e-6 ? 0.0 : value);
}

static void add_axes(struct vain_text *svg, const struct axis *x, const struct axis *y,
                     const char *values)
{
    char text[32];
    for (int i = 0; i < tick_count(y); i++) {
        const double at = place(y, y->low + i * y->step);
        tick_text(y, i, text);
        vain_text_add(svg,
                      "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
                      "<text class=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n",
                      LEFT, at, WIDTH - RIGHT, at, LEFT - 8, at + 4.5, text);
    }
    for (int i = 0; i < tick_count(x); i++) {
        const double at = place(x, x->low + i * x->step);
        tick_text(x, i, text);
        vain_text_add(svg,
                      "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
                      "<text class=\"middle\" x=\"%.1f\" y=\"%d\">%s</text>\n",
                      at, TOP, at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 19, text);
    }
    vain_text_add(svg, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, HEIGHT - BOTTOM,
                  WIDTH - RIGHT);
    vain_text_add(svg,
                  "<text class=\"middle\" x=\"%d\" y=\"%d\">local steps of each member</text>\n",
                  (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12);
    vain_text_add(svg,
                  "<text class=\"middle\" transform=\"translate(18 %d) rotate(-90)\">%s</text>\n",
                  (TOP + HEIGHT - BOTTOM) / 2, values);
}

/* Whether point `index` is one of those that are drawn. A curve with few measured points keeps them
 * all. */
static bool is_shown(int64_t index, int64_t count, int64_t measured)
{
    const int64_t stride = (count + POINTS_SHOWN_MAX - 1) / POINTS_SHOWN_MAX;
    return measured <= POINTS_SHOWN_MAX || index % stride == 0 || index == count - 1;
}

static int64_t count_measured(const struct vain_curve_point *points, int64_t count,
                              const struct curve *curve)
{
    int64_t measured = 0;
    for (int64_t i = 0; i < count; i++)
        measured += isfinite(curve->value_of(&points[i])) ? 1 : 0;
    return measured;
}

static void add_curve(struct vain_text *svg, const struct vain_curve_point *points, int64_t count,
                      const struct curve *curve, const struct axis *x, const struct axis *y)
{
    const int64_t measured = count_measured(points, count, curve);
    if (measured == 0)
        return;
    vain_text_add(svg, "<polyline class=\"%s\" points=\"", curve->class);
    for (int64_t i = 0; i < count; i++) {
        const double value = curve->value_of(&points[i]);
        if (isfinite(value) && is_shown(i, count, measured))
            vain_text_add(svg, "%.1f,%.1f ", place(x, (double)points[i].step), place(y, value));
    }
    vain_text_add(svg, "\"/>\n");
    for (int64_t i = 0; i < count && measured <= DOTS_MAX; i++) {
        const double value = curve->value_of(&points[i]);
        if (isfinite(value))
            vain_text_add(svg, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n",
                          curve->class, place(x, (double)points[i].step), place(y, value));
    }
}

static void add_legend(struct vain_text *svg, const struct curve *curve, int index)
{
    const int left = WIDTH - RIGHT - 230 + index * 116;
    vain_text_add(
        svg, "<polyline class=\"%s\" points=\"%d,42 %d,42\"/><text x=\"%d\" y=\"46\">%s</text>\n",
        curve->class, left, left + 28, left + 34, curve->label);
}

static void add_plot(struct vain_text *svg, const struct picture *picture,
                     const struct vain_curve_point *points, int64_t count)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < picture->count * count; i++) {
        const double value =
            picture->curves[i % picture->count].value_of(&points[i / picture->count]);
        if (isfinite(value)) {
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
    }
    if (!(low <= high)) {
        vain_text_add(svg, "<text class=\"middle\" x=\"%d\" y=\"%d\">%s</text>\n", WIDTH / 2,
                      HEIGHT / 2, picture->missing);
        return;
    }
    const struct axis x =
        make_axis((double)points[0].step, (double)points[count - 1].step, LEFT, WIDTH - RIGHT);
    const struct axis y = make_axis(low, high, HEIGHT - BOTTOM, TOP);
    add_axes(svg, &x, &y, picture->values);
    for (int i = 0; i < picture->count; i++) {
        add_curve(svg, points, count, &picture->curves[i], &x, &y);
        add_legend(svg, &picture->curves[i], i);
    }
}

enum vain_status vain_curve_write_svg(enum vain_picture picture,
                                      const struct vain_curve_point *points, int64_t count,
                                      const char *title, const char *path, struct vain_world *world)
{
    struct vain_text svg = {0};
    add_head(&svg, title);
    add_plot(&svg, &pictures[picture], points, count);
    vain_text_add(&svg, "</svg>\n");
    char *text;
    VAIN_TRY(vain_text_give(&svg, &text));
    const enum vain_status status = world->ops->replace(world, path, text, strlen(text), FILE_MODE);
    vain_release(text);
    return status;
}
