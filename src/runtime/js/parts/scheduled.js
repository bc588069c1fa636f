// What the handler of a cron call gets.

export default function (I) {
  class ScheduledController {
    #cron;
    #time;

    constructor(cron, time) {
      this.#cron = cron;
      this.#time = time;
    }

    get type() {
      return "scheduled";
    }

    get cron() {
      return this.#cron;
    }

    get scheduledTime() {
      return this.#time;
    }
  }

  I.webClass(ScheduledController, "ScheduledController");

  return { ScheduledController };
}
