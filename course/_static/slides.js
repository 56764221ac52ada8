// A lecture as slides, opened by "?slides": one section at a time, one block after the other, code before its output.
(() => {
  const article = document.querySelector("article.bd-article");
  if (!article || !new URLSearchParams(location.search).has("slides")) return;

  const blocksOf = (element) =>
    [...element.children].flatMap((child) => {
      if (child.matches(".slides-link, .cell.tag_hide-cell")) return [];
      if (child.matches("section")) return blocksOf(child);
      return child.matches(".cell") ? [...child.children] : [child];
    });

  const lecture = article.querySelector("section");
  const sections = [...lecture.children].filter((child) => child.matches("section"));
  const first = [...lecture.children].filter((child) => !child.matches("section, .slides-link"));
  const slides = [first.flatMap((child) => (child.matches(".cell") ? [...child.children] : [child])), ...sections.map(blocksOf)];
  let slide = 0;
  let shown = 2; // the heading and its first block

  document.documentElement.classList.add("slides");
  const bar = document.createElement("nav");
  bar.className = "slides-bar";
  bar.setAttribute("aria-label", "Slides");
  bar.innerHTML =
    '<button type="button" data-step="-1">Back</button><span aria-live="polite"></span>' +
    '<button type="button" data-step="1">Next</button><a>Leave (Esc)</a>';
  bar.querySelector("a").href = location.pathname;
  document.body.append(bar);

  const draw = () => {
    slides.forEach((blocks, i) => blocks.forEach((block, k) => (block.hidden = i !== slide || k >= shown)));
    sections.forEach((section, i) => (section.hidden = i + 1 !== slide));
    lecture.querySelector(".slides-link")?.remove();
    bar.querySelector("span").textContent = `${slide + 1} of ${slides.length}`;
    const newest = slides[slide][Math.min(shown, slides[slide].length) - 1];
    if (shown <= 2) window.scrollTo(0, 0);
    else newest?.scrollIntoView({ block: newest.offsetHeight > 0.7 * innerHeight ? "start" : "nearest" });
  };

  const go = (i, all) => {
    slide = Math.max(0, Math.min(slides.length - 1, i));
    shown = all ? slides[slide].length : 2;
    draw();
  };
  const step = (by) => {
    if (by > 0 && shown >= slides[slide].length) return slide + 1 < slides.length && go(slide + 1, false);
    if (by < 0 && shown <= 2) return slide > 0 && go(slide - 1, true);
    shown = Math.min(shown, slides[slide].length) + by;
    draw();
  };

  bar.addEventListener("click", (event) => {
    const by = event.target.dataset.step;
    if (by) step(Number(by));
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, dialog")) return;
    const pressing = event.target.closest("button, a, summary");
    const moves = {
      ArrowRight: () => step(1), PageDown: () => step(1), " ": () => step(1),
      ArrowLeft: () => step(-1), PageUp: () => step(-1),
      ArrowDown: null, Home: () => go(0, false), End: () => go(slides.length - 1, false),
      Escape: () => location.assign(location.pathname),
    };
    if (!moves[event.key] || (event.key === " " && pressing)) return;
    event.preventDefault();
    moves[event.key]();
  });
  go(0, false);
})();
