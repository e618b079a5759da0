// the sliders; results/picks.py has the same rules: smallest_from and best_within
(() => {
  const { candidates, costs } = JSON.parse(document.getElementById("choices").textContent);
  if (!candidates.length) return;
  const ROUNDING = 1e-9;

  const first = (list, isBetter) => list.reduce((best, one) => (best && !isBetter(one, best) ? best : one), null);
  const isSmaller = (a, b) => a.costs[0] < b.costs[0] || (a.costs[0] === b.costs[0] && a.accuracy > b.accuracy);
  const isBetter = (a, b) => a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.params < b.params);

  const smallestFrom = (least) =>
    first(candidates.filter((one) => one.accuracy >= least - ROUNDING), isSmaller);
  const bestWithin = (limits) =>
    first(candidates.filter((one) => limits.every((limit, i) => one.costs[i] <= limit * (1 + ROUNDING))), isBetter);

  function show(form, found, why) {
    const result = form.querySelector(".result");
    const name = found ? String(found.trial) : "";
    if (result.dataset.trial === name && result.childElementCount) return; // nothing new to announce
    result.dataset.trial = name;
    if (found) {
      result.replaceChildren(document.getElementById("body-" + name).content.cloneNode(true));
    } else {
      const text = document.createElement("p");
      text.className = "empty";
      text.textContent = why;
      result.replaceChildren(text);
    }
  }

  // four significant digits, rounded up: a network at the end of the slider stays within its limit
  function ceiling(value) {
    const unit = 10 ** (Math.floor(Math.log10(value)) - 3);
    return Number((Math.ceil(value / unit - ROUNDING) * unit).toPrecision(4));
  }
  const ends = (slider) => [Number(slider.dataset.low), Number(slider.dataset.high)];
  function valueAt(slider) {
    const [low, high] = ends(slider);
    const value = low * (high / low) ** (Number(slider.value) / Number(slider.max));
    return low > 0 ? ceiling(value) : high * (Number(slider.value) / Number(slider.max));
  }
  function positionOf(slider, value) {
    const [low, high] = ends(slider);
    if (!(low > 0 && high > low)) return high > 0 ? (value / high) * slider.max : slider.max;
    return Math.max(0, Math.min(1, Math.log(value / low) / Math.log(high / low))) * slider.max;
  }

  const byAccuracy = document.getElementById("by-accuracy");
  const [least, leastNumber] = byAccuracy.querySelectorAll("input");
  function chooseByAccuracy() {
    const wanted = Number(leastNumber.value);
    show(byAccuracy, smallestFrom(wanted / 100), `No network of the front has ${wanted} %. Search longer, or lower the goal.`);
  }
  least.addEventListener("input", () => {
    leastNumber.value = least.value;
    least.setAttribute("aria-valuetext", `${least.value} %`);
    chooseByAccuracy();
  });
  leastNumber.addEventListener("input", () => {
    least.value = leastNumber.value;
    chooseByAccuracy();
  });
  leastNumber.value = least.value;
  least.setAttribute("aria-valuetext", `${least.value} %`);
  chooseByAccuracy();

  const byBudget = document.getElementById("by-budget");
  const sliders = costs.map((_, i) => byBudget.querySelector(`[data-cost="${i}"]`));
  const numbers = costs.map((name) => document.getElementById(name + "-number"));
  function chooseByBudget() {
    const limits = numbers.map((number) => (number.value === "" ? Infinity : Number(number.value)));
    show(byBudget, bestWithin(limits), "No network of the front is within this budget. Raise it.");
  }
  sliders.forEach((slider, i) => {
    const follow = () => {
      numbers[i].value = String(valueAt(slider));
      slider.setAttribute("aria-valuetext", numbers[i].value + numbers[i].parentElement.textContent);
    };
    slider.addEventListener("input", () => {
      follow();
      chooseByBudget();
    });
    numbers[i].addEventListener("input", () => {
      if (numbers[i].value !== "") slider.value = String(positionOf(slider, Number(numbers[i].value)));
      slider.setAttribute("aria-valuetext", numbers[i].value + numbers[i].parentElement.textContent);
      chooseByBudget();
    });
    follow();
  });
  chooseByBudget();

  for (const form of [byAccuracy, byBudget]) form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("choosers").hidden = false;
})();
