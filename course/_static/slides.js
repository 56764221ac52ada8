// A lecture as slides, opened by "?slides": one section at a time, one block after the other, code before its output.
(() => {
  const lecture = document.querySelector("article.bd-article > section, article.bd-article section");
  if (!lecture || !new URLSearchParams(location.search).has("slides")) return;

  const isSection = (element) => element.matches("section");
  const blocksOf = (elements) =>
    elements.flatMap((element) => {
      if (element.matches("span:empty, .slides-link")) return [];
      if (isSection(element)) return blocksOf([...element.children]);
      if (element.matches(".cell.tag_hide-input")) return [...element.querySelectorAll(":scope > .cell_output")];
      return element.matches(".cell") ? [...element.children] : [element];
    });

  const children = [...lecture.children];
  const sections = children.filter(isSection);
  const slides = [children.filter((child) => !isSection(child)), ...sections.map((section) => [section])].map(blocksOf);
  const FIRST = 2; // a heading and what follows it
  let slide = 0;
  let shown = FIRST;

  document.documentElement.classList.add("slides");
  const bar = document.createElement("nav");
  bar.className = "slides-bar";
  bar.setAttribute("aria-label", "Slides");
  bar.innerHTML =
    '<button type="button" data-step="-1">Back</button><span aria-live="polite"></span>' +
    '<button type="button" data-step="1">Next</button><a>Leave (Esc)</a>';
  bar.querySelector("a").href = location.pathname;
  document.body.append(bar);

  const show = (number, blocks) => {
    slide = Math.max(0, Math.min(slides.length - 1, number));
    shown = Math.max(FIRST, Math.min(slides[slide].length, blocks));
    slides.forEach((list, i) => list.forEach((block, k) => (block.hidden = i !== slide || k >= shown)));
    sections.forEach((section, i) => (section.hidden = i + 1 !== slide));
    bar.querySelector("span").textContent = `${slide + 1} of ${slides.length}`;
    const newest = slides[slide][Math.min(shown, slides[slide].length) - 1];
    if (shown === FIRST) scrollTo(0, 0);
    else newest.scrollIntoView({ block: newest.offsetHeight > 0.7 * innerHeight ? "start" : "nearest" });
  };
  const step = (by) => {
    if (by > 0 && shown >= slides[slide].length) return slide + 1 < slides.length && show(slide + 1, FIRST);
    if (by < 0 && shown === FIRST) return slide > 0 && show(slide - 1, Infinity);
    show(slide, shown + by);
  };

  const keys = {
    ArrowRight: () => step(1),
    PageDown: () => step(1),
    " ": () => step(1),
    ArrowLeft: () => step(-1),
    PageUp: () => step(-1),
    Home: () => show(0, FIRST),
    End: () => show(slides.length - 1, FIRST),
    Escape: () => location.assign(location.pathname),
  };
  bar.addEventListener("click", (event) => event.target.dataset.step && step(Number(event.target.dataset.step)));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, dialog");
    const pressing = event.key === " " && event.target.closest("button, a, summary");
    if (typing || pressing || event.altKey || event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  show(0, FIRST);
})();
